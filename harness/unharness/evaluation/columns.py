"""A task's list of metrics, resolved against its splits and the registered metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from unharness.data.examples import Split
from unharness.errors import PluginError, UsageError, suggestion
from unharness.evaluation.composites import FORMULAS
from unharness.evaluation.metric import PERCENT, Direction, Metric
from unharness.evaluation.metric_plugins import load_metric
from unharness.evaluation.requests import Choices, Observation
from unharness.evaluation.uses import OWN_DIRECTIONS, Composite, CompositeKind, MetricUse, Use
from unharness.reference_rows import ReferenceRow
from unharness.registry import Registry

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
GENERAL_PREFIX, GENERAL_AVERAGE = "general/", "general_avg"
"""Labels of general knowledge: of a suite's tasks, and of their average."""
OWN_UNITS: Mapping[CompositeKind, str] = {
    "residue": "ratio",
    "gap": "ratio",
    "share_of_target": PERCENT,
}
"""Of composites whose unit is not that of their parts."""


@dataclass(frozen=True)
class MetricColumn:
    """A metric on a split."""

    label: str
    metric: Metric
    split: str
    against: str | None
    direction: Direction
    complement: bool
    detail: bool = False

    @property
    def unit(self) -> str:
        """The metric's unit."""
        return self.metric.unit

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that must be observed."""
        return (self.split,) if self.against is None else (self.split, self.against)


@dataclass(frozen=True)
class CompositeColumn:
    """A column that is computed from other ones."""

    label: str
    kind: CompositeKind
    of: tuple[str, ...]
    direction: Direction
    unit: str
    detail: bool = False

    @property
    def references(self) -> tuple[ReferenceRow, ...]:
        """The models whose value of the part is needed."""
        return FORMULAS[self.kind].references


Column = MetricColumn | CompositeColumn


def resolve_columns(
    uses: Sequence[Use], splits: Mapping[str, Split], registry: Registry
) -> tuple[Column, ...]:
    """Return the columns that a task's uses stand for, in their order.

    Args:
        uses: of the task.
        splits: the evaluated ones, by name.
        registry: knows the metrics.

    Raises:
        UnknownNameError: a metric is not registered.
        UsageError: a split or a label is not what it may be; names the column.
    """
    found: dict[str, Column] = {}
    pending: list[Composite] = []
    order: list[str] = []
    absent = {
        str(use.own_label())
        for use in uses
        if isinstance(use, MetricUse) and not _is_there(use, splits)
    }
    for use in uses:
        if isinstance(use, Composite):
            present = _of_what_is_there(use, absent)
            if present is None:
                absent.add(use.label)
                continue
            pending.append(present)
            order.append(_new_label(use.label, order))
            continue
        if not _is_there(use, splits):
            continue
        for column in _metric_columns(use, splits, registry):
            order.append(_new_label(column.label, order))
            found[column.label] = column
    for use in pending:
        found[use.label] = _composite_column(use, found)
    return tuple(found[label] for label in order)


def _is_there(use: MetricUse, evaluated: Mapping[str, Split]) -> bool:
    """Whether a use is a column: an optional one is none where its splits are not there."""
    return not use.optional or {use.split, use.against} <= {*evaluated, None}


def _of_what_is_there(use: Composite, absent: Set[str]) -> Composite | None:
    """Return a composite of the parts that are there; None where it is left out with some."""
    there = tuple(label for label in use.of if label not in absent)
    if len(there) == len(use.of):
        return use
    return replace(use, of=there) if use.partial and there else None


def _metric_columns(
    use: MetricUse, evaluated: Mapping[str, Split], registry: Registry
) -> Iterator[MetricColumn]:
    metric = load_metric(use, registry)
    if use.complement and metric.unit not in (PERCENT, ""):
        raise UsageError(f"metric {use.metric!r}: a complement needs the unit %, not {metric.unit}")
    if use.split is None:
        names = [n for n, split in evaluated.items() if observable(metric.observes(), split)]
    else:
        names = [use.split]
    for name in names:
        for one in (name, use.against):
            if one is not None and one not in evaluated:
                raise UsageError(
                    f"metric {use.metric!r}: {one!r} is no evaluated split."
                    f"{suggestion(one, evaluated)}"
                )
        yield MetricColumn(
            label=use.label_on(name),
            metric=metric,
            split=name,
            against=use.against,
            direction=use.direction_of(metric),
            complement=use.complement,
            detail=use.detail,
        )


def is_general(label: str) -> bool:
    """Whether a label is of general knowledge; a task's own labels have no slash."""
    return label.startswith(GENERAL_PREFIX) or label == GENERAL_AVERAGE


def observable(request: Observation, split: Split) -> bool:
    """Whether a split can be observed so: text where it is generated, choices where it has any.

    Raw text has no prompt that could be continued.
    """
    if request.of_text:
        return split.generation is not None and split.kind != "text"
    return not isinstance(request, Choices) or split.kind == "choice"


def observer_versions(columns: Sequence[Column], registry: Registry) -> dict[str, int]:
    """Return the versions above 1 of the observers that columns need, by name.

    Others are left out, so that a metric that needs one more observer changes no identity. One
    that cannot be loaded has none; its columns will say so.
    """
    found: dict[str, int] = {}
    for column in columns:
        if isinstance(column, MetricColumn):
            for part in column.metric.observes().parts():
                with suppress(PluginError):
                    version = registry.get("observers", part.observer).version
                    if isinstance(version, int) and version > 1:
                        found[part.observer] = version
    return dict(sorted(found.items()))


def columns_needed(label: str, columns: Sequence[Column]) -> list[Column]:
    """Return a column and those that it is computed from, in their order."""
    by_label = {one.label: one for one in columns}
    needed, waiting = set(), [label]
    while waiting:
        one = by_label.get(waiting.pop())
        if one is not None and one.label not in needed:
            needed.add(one.label)
            waiting += one.of if isinstance(one, CompositeColumn) else ()
    return [one for one in columns if one.label in needed]


def reference_columns(columns: Sequence[Column]) -> dict[ReferenceRow, list[MetricColumn]]:
    """Return by reference model the columns that need what was observed of it."""
    found: dict[ReferenceRow, dict[str, MetricColumn]] = {}
    for column in columns:
        if isinstance(column, MetricColumn):
            asking = [column] if column.metric.references else []
            names = sorted(column.metric.references)
        else:
            parts = columns_needed(column.label, columns) if column.references else []
            asking = [one for one in parts if isinstance(one, MetricColumn)]
            names = list(column.references)
        for name in names:
            found.setdefault(name, {}).update({one.label: one for one in asking})
    return {name: list(asking.values()) for name, asking in sorted(found.items())}


def _composite_column(use: Composite, found: dict[str, Column]) -> CompositeColumn:
    for label in use.of:
        if label not in found and not is_general(label):
            raise UsageError(
                f"composite {use.label!r}: no column {label!r} before it.{suggestion(label, found)}"
            )
    if FORMULAS[use.kind].references and len(use.of) != 1:
        raise UsageError(
            f"composite {use.label!r}: a {use.kind} is of one column, not {len(use.of)}"
        )
    # A metric that cannot be loaded has no unit; it costs the composite's value, not the run.
    parts = [found[label] for label in use.of if label in found and found[label].unit]
    general = any(map(is_general, use.of))
    column = partial(CompositeColumn, use.label, use.kind, use.of, detail=use.detail)
    if not parts and use.of and not general:
        return column(use.direction or "higher", "")
    if use.kind in OWN_UNITS:
        parted: Direction = parts[0].direction if parts else "higher"
        direction = use.direction or OWN_DIRECTIONS.get(use.kind) or parted
        return column(direction, OWN_UNITS[use.kind])
    units = {part.unit for part in parts} | ({PERCENT} if general else set())
    directions = {use.direction} if use.direction else {part.direction for part in parts}
    if general and not use.direction:
        directions.add("higher")
    if len(units) != 1 or len(directions) != 1:
        raise UsageError(
            f"composite {use.label!r}: its parts need one unit and one direction, and have "
            f"{', '.join(sorted(units)) or 'none'} and {', '.join(sorted(map(str, directions)))}"
        )
    [unit], [shared] = units, directions
    assert shared is not None
    return column(shared, unit)


def _new_label(label: str, taken: Sequence[str]) -> str:
    if not LABEL.fullmatch(label):
        raise UsageError(f"{label!r} is no name for a metric's column: letters, digits, '.-_'")
    if label in taken:
        raise UsageError(f"two columns are named {label!r}; give one of them another label")
    return label
