"""The trade-off of forgetting against keeping: the Pareto front, and its hypervolume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unharness.evaluation.metric import PERCENT
from unharness.report.ranking import Column, distances

if TYPE_CHECKING:
    from unharness.report.rows import Group

Point = tuple[float, float]
WORST: Point = (0.0, 0.0)
BEST: Point = (100.0, 100.0)

GENERAL_AVERAGE = "general_avg"
"""The mean over a suite of general knowledge; what every task wants to be kept."""


@dataclass(frozen=True)
class TradeOff:
    """A group's rows as points: what was forgotten against what was kept."""

    across: str
    """The column that says what was forgotten."""
    against: str
    """The column that says what was kept."""
    points: dict[int, Point]
    """By row: both on a scale from 0 to 100, the higher the better; see `goodness`. Reference
    rows are no part of it."""
    front: frozenset[int]
    """The rows that no other row beats in both."""
    hypervolume: float
    """Of what the front dominates, as a share of what lies between floor and cap, %."""
    floor: Point
    """On each axis the worse of the base and the target model; 0 where there is neither."""
    cap: Point
    """The retrained model, on both axes; nothing beyond it counts. 100 where there is none."""

    @property
    def square(self) -> str:
        """What the hypervolume is a share of, in words."""
        if (self.floor, self.cap) == (WORST, BEST):
            return "the square"
        end = "100" if self.cap == BEST else "the retrained one"
        return f"the square from the base and target models to {end}"


def pareto_front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other dominates, in their order.

    A point dominates another that is at most as high in both coordinates and lower in one; equal
    points do not dominate each other.
    """
    tops: dict[float, float] = {}
    for x, y in points:
        tops[x] = max(y, tops.get(x, -math.inf))
    front, highest = set(), -math.inf
    for x in sorted(tops, reverse=True):
        if tops[x] > highest:
            highest = tops[x]
            front.add((x, highest))
    return [index for index, point in enumerate(points) if tuple(point) in front]


def hypervolume(points: Sequence[Point], reference: Point = (0.0, 0.0)) -> float:
    """Return the area that points dominate above a reference point (Zitzler and Thiele, 1998).

    In both coordinates higher is better; points below the reference add nothing.
    """
    area, highest = 0.0, reference[1]
    for x, y in sorted(points, key=lambda point: (-point[0], -point[1])):
        if x > reference[0] and y > highest:
            area += (x - reference[0]) * (y - highest)
            highest = y
    return area


def trade_offs(group: Group) -> list[TradeOff]:
    """Return a group's trade-offs, for those of the task's axes that are columns in %."""
    columns = {column.name: column for column in group.columns if column.unit == PERCENT}
    across = columns.get(group.ranking.forget_axis or "")
    if across is None:
        return []
    found = []
    for name in dict.fromkeys([*group.ranking.retain_axes, GENERAL_AVERAGE]):
        against = columns.get(name)
        if against is None:
            continue
        places = list(zip(goodness(group, across), goodness(group, against), strict=True))
        floor, cap = _limits(group, places)
        points = {
            index: (min(x, cap[0]), min(y, cap[1]))
            for index, (row, (x, y)) in enumerate(zip(group.rows, places, strict=True))
            if row.reference is None and x is not None and y is not None and not row.collapsed
        }
        if points:
            rows, known = list(points), list(points.values())
            front = frozenset(rows[index] for index in pareto_front(known))
            area = (cap[0] - floor[0]) * (cap[1] - floor[1])
            share = 100.0 * hypervolume(known, floor) / area if area > 0 else 0.0
            found.append(TradeOff(across.name, against.name, points, front, share, floor, cap))
    return found


def _limits(
    group: Group, places: Sequence[tuple[float | None, float | None]]
) -> tuple[Point, Point]:
    """Return the point that counts as the worst, and the one beyond which nothing counts."""

    def known(axis: int, *names: str) -> list[float]:
        return [
            value
            for row, place in zip(group.rows, places, strict=True)
            if row.reference in names and (value := place[axis]) is not None
        ]

    floor = [min(known(axis, "base", "target"), default=WORST[axis]) for axis in (0, 1)]
    cap = [max(known(axis, "retrained"), default=BEST[axis]) for axis in (0, 1)]
    if any(low >= high for low, high in zip(floor, cap, strict=True)):
        return WORST, BEST  # reference rows that contradict each other limit nothing
    return (floor[0], floor[1]), (cap[0], cap[1])


def goodness(group: Group, column: Column) -> list[float | None]:
    """Return each row's value of a column in %, turned so that 100 is best and 0 is worst.

    Where less is better it is 100 minus the value; where the retrained model's value is to be
    matched, 100 minus the distance to it. None where there is no value.
    """
    if column.direction == "match_reference":
        return [None if away is None else 100.0 - away for away in distances(group.rows, column)]
    values = [row.metrics[column.name].value for row in group.rows]
    if column.direction == "higher":
        return values
    return [None if value is None else 100.0 - value for value in values]
