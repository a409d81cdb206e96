"""Metrics that a user adds to those of the task: `--metric NAME:PARAMETER=VALUE,…@SPLIT`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

from unharness.checked import checked
from unharness.data.examples import Split
from unharness.errors import UsageError, short_value
from unharness.evaluation.columns import Column, MetricColumn, resolve_columns
from unharness.evaluation.metric import Direction, Metric
from unharness.evaluation.uses import MetricUse, Use
from unharness.named_settings import parse_named
from unharness.registry import Registry

FLAG = "--metric"
OF_THE_USE = ("against", "label", "complement", "direction")
"""What may stand among the parameters and is no parameter: it says how the metric is used."""
_ON_A_SPLIT = re.compile(r"(?P<metric>.+)@(?P<split>[A-Za-z0-9_][A-Za-z0-9_.-]*)", re.DOTALL)


def columns_with_added(
    uses: Sequence[Use], added: Sequence[str], splits: Mapping[str, Split], registry: Registry
) -> tuple[Column, ...]:
    """Return the task's columns, and those that the user adds behind them.

    Args:
        uses: of the task.
        added: as after `--metric`.
        splits: the evaluated ones, by name.
        registry: knows the metrics.

    Raises:
        UnknownNameError: a metric is not registered.
        UsageError: a parameter, a split or a label is not what it may be, or no evaluated split
            has what the metric asks for.
    """
    more = [_use(text, registry) for text in added]
    columns = resolve_columns((*uses, *more), splits, registry)
    for use in more:
        if use.split is None and not any(
            isinstance(one, MetricColumn) and one.metric.name == use.metric for one in columns
        ):
            raise UsageError(f"{FLAG} {use.metric}: no evaluated split has what it asks for")
    return columns


def _use(text: str, registry: Registry) -> MetricUse:
    found = _ON_A_SPLIT.fullmatch(text.strip())
    named, split = (found["metric"], found["split"]) if found else (text, None)
    name, given = parse_named(named, FLAG)
    metric: type[Metric] = registry.get("metrics", name)
    how = {key: given.pop(key) for key in OF_THE_USE if key in given}
    checked(
        f"metric {name!r}",
        metric.Params,
        given,
        noun="parameter",
        hint=f". 'unharness metrics show {name}' lists what is allowed",
    )
    for key in ("against", "label"):
        if not isinstance(how.get(key, ""), str):
            raise UsageError(f"{FLAG} {name}: {key}={short_value(how[key])} is no name")
    if not isinstance(how.get("complement", False), bool):
        raise UsageError(f"{FLAG} {name}: complement is true or false")
    if how.get("direction") not in (None, *get_args(Direction)):
        raise UsageError(f"{FLAG} {name}: direction is one of {', '.join(get_args(Direction))}")
    return MetricUse(name, split, **how, **given)
