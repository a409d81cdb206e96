"""Metrics of plugins, loaded and computed so that a fault costs their own column alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from unharness.errors import PluginError, UnharnessError, refused_values
from unharness.evaluation.metric import Direction, Metric, Score
from unharness.evaluation.requests import Likelihood, Observation
from unharness.evaluation.uses import MetricUse
from unharness.records.record import Count, Number
from unharness.registry import Registry

if TYPE_CHECKING:
    from unharness.evaluation.seen import Seen


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


def load_metric(use: MetricUse, registry: Registry) -> Metric:
    """Return a use's metric, ready to compute.

    One that cannot be loaded is replaced by one that gives no value and says why.

    Raises:
        UnknownNameError: no metric is registered under the name.
    """
    name = use.metric
    registry.entry("metrics", name)
    try:
        with registry.named("metrics", name):
            metric: Metric = registry.get("metrics", name)(**use.params)
            _check_contract(metric, registry)
            return metric
    except UnharnessError as error:
        return _faulty(name, _reason(name, error, registry))


def compute(
    metric: Metric, seen: Seen, references: Mapping[str, Sequence[Seen]], registry: Registry
) -> Score:
    """Return what a metric gives; where it raises or gives no score, a missing one that says so."""
    try:
        with registry.named("metrics", metric.name):
            return _checked(metric.compute(seen, references), seen)
    except UnharnessError as error:
        reason = _reason(metric.name, error, registry)
        return replace(Score.missing(reason), faulty=True)


def _reason(name: str, error: UnharnessError, registry: Registry) -> str:
    """Return why a metric has no value; a PluginError says whose it is already."""
    if isinstance(error, PluginError):
        return str(error)
    return f"{registry.called('metrics', name)} failed: {error}"


def _check_contract(metric: Metric, registry: Registry) -> None:
    if not isinstance(metric.unit, str) or not metric.unit:
        raise TypeError(f"unit is {metric.unit!r}, not a text")
    if metric.direction not in (allowed := get_args(Direction)):
        raise ValueError(f"direction is {metric.direction!r}, not one of {', '.join(allowed)}")
    request: Any = metric.observes()
    if not isinstance(request, Observation):
        raise TypeError(f"observes() gave {request!r}, not an Observation")
    for part in request.parts():
        registry.entry("observers", part.observer)


def _checked(found: Any, seen: Seen) -> Score:
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
    sizes = {one.split.name: len(one.examples) for one in (seen, seen.against) if one is not None}
    for split, column in checked.per_example.items():
        if split not in sizes:
            raise ValueError(f"per_example has {split!r}, which was not observed")
        if len(column) != sizes[split]:
            raise ValueError(
                f"per_example has {len(column)} values for {sizes[split]} of {split!r}"
            )
    reason = checked.reason or ("" if checked.value is not None else "the metric gave no value")
    return Score(**{**dict(checked), "reason": reason}, replicates=found.replicates)


def _faulty(name: str, problem: str) -> Metric:
    """Return a metric in the place of one that cannot be loaded; it has no unit."""

    def compute(self: Metric, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        raise PluginError(problem)

    members = {"name": name, "summary": problem, "compute": compute}
    members |= {"unit": "", "direction": "higher", "observes": lambda self: Likelihood((), ())}
    made: Metric = type("FaultyMetric", (Metric,), members)()
    return made
