"""The trade-off of forgetting against keeping: the Pareto front, and its hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unharness.report.ranking import REFERENCES

if TYPE_CHECKING:
    from unharness.report.rows import Group

Point = tuple[float, float]

UNLEARN = "unlearn_success"
AGAINST = ("retention_success", "general_avg")
"""What is kept, each a plot of its own; all in %, higher is better."""


@dataclass(frozen=True)
class TradeOff:
    """A group's rows as points: what was forgotten against what was kept."""

    against: str
    points: dict[int, Point]
    """By row: unlearn success and what was kept, %; references are no part of it."""
    front: frozenset[int]
    """The rows that no other row beats in both."""
    hypervolume: float
    """Of what the front dominates, as a share of the whole square, %."""


def pareto_front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other dominates, in their order.

    A point dominates another that is at most as high in both coordinates and lower in one; equal
    points do not dominate each other.
    """
    return [
        index
        for index, (x, y) in enumerate(points)
        if not any(
            other_x >= x and other_y >= y and (other_x, other_y) != (x, y)
            for other_x, other_y in points
        )
    ]


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
    """Return a group's trade-offs, for those measures of keeping that it has."""
    found = []
    for against in AGAINST:
        points = {}
        for index, row in enumerate(group.rows):
            values = [row.metrics.get(name) for name in (UNLEARN, against)]
            numbers = [value.value for value in values if value and value.value is not None]
            if row.method not in REFERENCES and len(numbers) == 2:
                points[index] = (numbers[0], numbers[1])
        if points:
            rows, places = list(points), list(points.values())
            front = frozenset(rows[index] for index in pareto_front(places))
            found.append(TradeOff(against, points, front, hypervolume(places) / 100.0))
    return found
