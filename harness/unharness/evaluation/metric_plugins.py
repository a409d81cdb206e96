"""Metrics of plugins, loaded and computed so that a fault costs their own column alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from unharness.errors import PluginError, UnharnessError, refused_values
from unharness.evaluation.metric import Direction, Metric, Score
from unharness.evaluation.observations import Observations
from unharness.plugins import Registry
from unharness.records.record import Count, Number


class _Checked(BaseModel):
    """What of a score goes into the record and the examples beside it."""

    model_config = ConfigDict(extra="ignore")

    value: Number | None
    n: Count
    n_unscored: Count
    ci95: tuple[Number, Number] | None
    stderr: Number | None
    reason: str
    per_example: dict[str, list[FiniteFloat | None]]


def load_metric(name: str, registry: Registry) -> Metric:
    """Return a metric that is ready to compute.

    One that cannot be loaded is replaced by one that gives no value and says why.

    Raises:
        UnknownNameError: no metric is registered under the name.
    """
    registry.entry("metrics", name)
    try:
        with registry.named("metrics", name):
            metric: Metric = registry.get("metrics", name)()
            _check_contract(metric)
            return metric
    except UnharnessError as error:
        return _faulty(name, _reason(name, error, registry))


def compute(metric: Metric, observations: Observations, registry: Registry) -> Score:
    """Return what a metric gives; where it raises or gives no score, a missing one that says so."""
    try:
        with registry.named("metrics", metric.name):
            return _checked(metric.compute(observations), observations)
    except UnharnessError as error:
        reason = _reason(metric.name, error, registry)
        return replace(Score.missing(reason), faulty=True)


def _reason(name: str, error: UnharnessError, registry: Registry) -> str:
    """Return why a metric has no value; a PluginError says whose it is already."""
    if isinstance(error, PluginError):
        return str(error)
    return f"{registry.called('metrics', name)} failed: {error}"


def _check_contract(metric: Metric) -> None:
    if not isinstance(metric.unit, str):
        raise TypeError(f"unit is {metric.unit!r}, not a text")
    if metric.direction not in (allowed := get_args(Direction)):
        raise ValueError(f"direction is {metric.direction!r}, not one of {', '.join(allowed)}")
    needs: Any = metric.needs
    pairs = isinstance(needs, Sequence) and all(
        isinstance(need, tuple | list) and list(map(type, need)) == [str, str] for need in needs
    )
    if not pairs:
        raise TypeError(f"needs is {needs!r}, not pairs of what is observed and split")


def _checked(found: Any, observations: Observations) -> Score:
    """Return a score that a record can hold.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(found, Score):
        raise TypeError(f"compute() gave {type(found).__name__}, not Score")
    try:
        checked = _Checked.model_validate(vars(found))
    except ValidationError as error:
        raise ValueError(f"compute() gave {refused_values(error)}") from error
    for split, column in checked.per_example.items():
        seen = observations.splits.get(split)
        if seen is None:
            raise ValueError(f"per_example has {split!r}, which was not observed")
        if len(column) != len(seen.examples):
            raise ValueError(
                f"per_example has {len(column)} values for {len(seen.examples)} of {split!r}"
            )
    reason = checked.reason or ("" if checked.value is not None else "the metric gave no value")
    return Score(**{**dict(checked), "reason": reason})


def _faulty(name: str, problem: str) -> Metric:
    """Return a metric in the place of one that cannot be loaded."""

    def compute(self: Metric, observations: Observations) -> Score:
        raise PluginError(problem)

    members = {"name": name, "summary": problem, "compute": compute}
    members |= {"unit": "", "direction": "higher", "needs": ()}
    made: Metric = type("FaultyMetric", (Metric,), members)()
    return made
