"""Which axis a column of the board is of; the columns' order, and the headings above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import groupby

from unharness.axes import AXES, Axis
from unharness.errors import UnharnessError
from unharness.evaluation.columns import is_general
from unharness.records.record import MetricRecord, RankingRecord, RunRecord
from unharness.registry import registry
from unharness.report.ranking import Column

OF_ROLE: Mapping[str, Axis] = {
    "forget": "forget",
    "retain": "retain",
    "holdout": "privacy",
    "utility": "utility",
    "general": "general",
}
"""By role of a split: what is measured on it says something about this."""
OVERALL = "Overall"


def axis_of(label: str, record: RunRecord, ranking: RankingRecord) -> Axis | None:
    """Return the axis of a record's column.

    It is what the task names; else that of the metric; else that of the split's role, and `privacy`
    of what is set against a holdout; of a composite, the axis that all of its parts share.

    Args:
        label: of the column.
        record: that has it.
        ranking: what the task says.

    Returns:
        None for a column of several axes, and where nothing tells which.
    """
    for pattern, axis in ranking.axes.items():
        if fnmatchcase(label, pattern):
            return axis
    if is_general(label):
        return "general"
    metric = record.metrics.get(label)
    if metric is None:
        return None
    if metric.split is None and isinstance(parts := metric.params.get("of"), list):
        found = {axis_of(part, record, ranking) for part in parts if part != label}
        return found.pop() if len(found) == 1 else None
    return _of_metric(metric) or _of_split(metric, record)


def _of_metric(metric: MetricRecord) -> Axis | None:
    found: object = None
    if metric.metric is not None:
        # A metric of a plugin that is not here has the axis of its split.
        with suppress(UnharnessError):
            found = getattr(registry().get("metrics", metric.metric), "axis", None)
    return next((axis for axis in AXES if axis == found), None)


def _of_split(metric: MetricRecord, record: RunRecord) -> Axis | None:
    splits = record.data.splits if record.data else {}
    roles = [
        str(splits.get(name or "", {}).get("role", "")) for name in (metric.split, metric.against)
    ]
    return "privacy" if roles[1] == "holdout" else OF_ROLE.get(roles[0])


def in_order(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns by axis: closeness and the task's headline, what is of none, then the axes."""
    order = {axis: at for at, axis in enumerate(AXES, start=2)}

    def place(column: Column) -> int:
        if column.leads:
            return 0
        return order[column.axis] if column.axis else 1

    return tuple(sorted(columns, key=place))


def headings(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Return the headings above columns, each with the number of columns below it.

    Neighbours of one axis share a heading; it is empty above what leads or is of no axis.
    """
    runs = groupby(columns, key=lambda column: column.heading)
    return [(heading, len(list(members))) for heading, members in runs]


def first_headings(columns: Sequence[Column]) -> list[str]:
    """Return by column the heading that begins there; empty where none does.

    What is of no axis, and stands behind what is of one, is under `Overall`.
    """
    found: list[str] = []
    for heading, count in headings(columns):
        found += [heading or (OVERALL if found else ""), *[""] * (count - 1)]
    return found
