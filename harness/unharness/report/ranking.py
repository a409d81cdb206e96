"""Which row is better: the order of a group's rows, and the best of each column."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar

import numpy

from unharness.axes import Axis
from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow
from unharness.report.intervals import Sampled, Uncertain, difference, holm, same_questions

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Value:
    """A metric's value in a row."""

    value: float | None
    ci95: tuple[float, float] | None
    """Over questions and, of several runs, over seeds and target seeds; see `intervals`."""
    n: int
    """Examples of one run."""
    sampled: Sampled | None = field(default=None, repr=False, compare=False)
    """What it is sampled from, on the scale of its unit."""


@dataclass(frozen=True)
class Column:
    """A metric as a column."""

    name: str
    unit: str
    direction: Literal["higher", "lower", "match_reference"]
    role: str = ""
    """Of the split that it is measured on; empty for a composite and for general knowledge."""
    detail: bool = False
    """Whether it is left out of printed tables unless it is asked for."""
    sample: str = ""
    """What share of the questions was asked, in words; empty where all were."""
    axis: Axis | None = None
    """What it says something about; None where it is of several axes."""
    leads: bool = False
    """Whether it is closeness or the task's headline, which come first."""
    n: int | None = None
    """Questions asked, of general knowledge."""
    chance: float | None = None
    """What guessing gives, of general knowledge; None where it is not known."""

    @property
    def heading(self) -> str:
        """What it stands under in tables; empty for what leads or is of no axis."""
        return "" if self.leads or self.axis is None else self.axis.capitalize()


class Rankable(Protocol):
    """What a row must have to be ranked."""

    @property
    def method(self) -> str:
        """The method's name."""

    @property
    def reference(self) -> ReferenceRow | None:
        """Which reference row it is, if it is one."""

    @property
    def metrics(self) -> Mapping[str, Value]:
        """The row's values."""


R = TypeVar("R", bound=Rankable)


def rank(rows: Sequence[R], headline: Column | None) -> list[R]:
    """Return the reference rows first, then the rest by the headline metric, best first.

    Rows without a value come last; equal ones are ordered by the method's name, and else stay
    as they were.
    """
    reference = reference_of(rows, headline) if headline else None

    def key(row: R) -> tuple[int, float, str]:
        if row.reference:
            return (REFERENCE_ROWS.index(row.reference) - len(REFERENCE_ROWS), 0.0, row.method)
        badness = _badness(row, headline, reference) if headline else math.inf
        return (0, badness, row.method)

    return sorted(rows, key=key)


def best_rows(rows: Sequence[Rankable], column: Column) -> frozenset[int]:
    """Return the index of the best row of a column, reference rows left out, or nothing.

    Nothing is best where fewer than two rows can be compared, or where the best does not differ
    significantly from every other row: the 95% interval of a difference covers zero.
    """
    known = _known(rows, column)
    if len(known) < 2:
        return frozenset()
    best = min(known, key=lambda index: known[index])
    clear = all(
        found is not None and _excludes_zero(found) and _agrees(found, known, best, index, column)
        for index in known
        if index != best
        for found in [row_difference(rows, rows[best], rows[index], column)]
    )
    return frozenset({best}) if clear else frozenset()


Differences = Mapping[tuple[int, int], Uncertain | None]
"""By the indices of two rows that can be ranked: the first one's value minus the second's."""


def pair_differences(rows: Sequence[Rankable], column: Column) -> Differences:
    """Return how every two rows of a column differ, each pair once; reference rows left out."""
    return {
        (one, other): row_difference(rows, rows[one], rows[other], column)
        for one, other in itertools.combinations(_known(rows, column), 2)
    }


def rank_ranges(
    rows: Sequence[Rankable], column: Column, differences: Differences
) -> dict[int, tuple[int, int]]:
    """Return the places that a row may have, from 1, by its index; reference rows have none.

    A row stands behind every row that is significantly better and before every one that is
    significantly worse, by Holm's correction over all that it is compared with.

    Args:
        rows: of a group.
        column: that ranks.
        differences: of the rows, in that column.
    """
    known = _known(rows, column)
    # Below this Holm's correction leaves a p-value significant, however small it is.
    strictest = SIGNIFICANT / max(1, len(known) - 1)
    p_values: dict[tuple[int, int], float] = {}
    for (one, other), found in differences.items():
        p_value = None
        # Holm's correction makes no p-value smaller: those above 0.05 need not be known.
        if found and _excludes_zero(found) and _agrees(found, known, one, other, column):
            p_value = 0.0 if _excludes_zero(found, 1.0 - strictest) else found.p_value()
        p_values[one, other] = p_values[other, one] = 1.0 if p_value is None else p_value
    ranges = {}
    for index in known:
        others = [other for other in known if other != index]
        adjusted = holm([p_values[index, other] for other in others])
        apart = [o for o, p_value in zip(others, adjusted, strict=True) if p_value < SIGNIFICANT]
        better = sum(known[other] < known[index] for other in apart)
        worse = sum(known[other] > known[index] for other in apart)
        ranges[index] = (1 + better, len(known) - worse)
    return ranges


def smallest_difference(differences: Differences) -> float | None:
    """Return the difference that two rows must have to be told apart at 95%, on the scale.

    It is the median over all pairs of half the interval's width; None for fewer than two rows.
    """
    found = differences.values()
    halves = [half for one in found if one and (half := one.half_width()) is not None]
    return statistics.median(halves) if halves else None


def distances(rows: Sequence[Rankable], column: Column) -> list[float | None]:
    """Return how far each row's value is from the retrained row's, on the column's scale.

    None where one of the two has no value.
    """
    reference = reference_of(rows, column)
    values = [row.metrics[column.name].sampled for row in rows]
    return [
        None if one is None or reference is None else abs(one.value - reference.value)
        for one in values
    ]


def distance(one: Sampled, reference: Sampled) -> Sampled:
    """Return how far a row is from the retrained row, |row - retrained|, as a row of its own.

    The retrained row's own runs and questions make it uncertain, too. Both have influences of the
    same questions.
    """
    sign = _side(one, reference)
    influences = {
        split: sign * (found - reference.influences[split].mean(axis=0))
        for split, found in one.influences.items()
    }
    count = len(reference.keys)
    moved = None
    if count > 1:
        without = (reference.value * count - reference.values) / (count - 1)
        moved = numpy.tile(-sign * (without - reference.value), (len(one.keys), 1))
    return Sampled(one.keys, sign * (one.values - reference.value), influences, moved)


def _side(one: Sampled, reference: Sampled) -> float:
    return 1.0 if one.value >= reference.value else -1.0


def _difference_of_distances(one: Sampled, other: Sampled, reference: Sampled) -> Uncertain:
    """Return how much farther one row is from the retrained row than another."""
    if same_questions(one, reference) and same_questions(other, reference):
        return difference(distance(one, reference), distance(other, reference))
    # On one side the retrained row's own error cancels; on two it moves both, one up, one down.
    sides = [_side(row, reference) for row in (one, other)]
    weights = [1.0, 1.0, (sides[1] - sides[0]) ** 2]
    estimates = [row.estimate() for row in (one, other, reference)]
    pieces = [
        replace(piece, variance=weight * piece.variance)
        for weight, found in zip(weights, estimates, strict=True)
        for piece in found.pieces
        if weight
    ]
    value = abs(one.value - reference.value) - abs(other.value - reference.value)
    known = all(found.pieces for w, found in zip(weights, estimates, strict=True) if w)
    return Uncertain(value, tuple(pieces) if known else ())


def _known(rows: Sequence[Rankable], column: Column) -> dict[int, float]:
    """Return how bad each row is that can be ranked, by its index."""
    reference = reference_of(rows, column)
    found = {
        index: _badness(row, column, reference)
        for index, row in enumerate(rows)
        if not row.reference
    }
    return {index: value for index, value in found.items() if value < math.inf}


def row_difference(
    rows: Sequence[Rankable], one: Rankable, other: Rankable, column: Column
) -> Uncertain | None:
    """Return one row's value minus another's, on the scale of the column's unit.

    Of what should match the retrained row, it is the difference of their distances to it. None
    where a value is missing.
    """
    first, second = (row.metrics[column.name].sampled for row in (one, other))
    if first is None or second is None:
        return None
    if column.direction != "match_reference":
        return difference(first, second)
    reference = reference_of(rows, column)
    if reference is None:
        return None
    return _difference_of_distances(first, second, reference)


def _agrees(
    found: Uncertain, known: Mapping[int, float], one: int, other: int, column: Column
) -> bool:
    """Return whether a difference has the sign that the rows' values have.

    It is over the runs that both have, and can contradict the values over all of each.
    """
    worse = -found.value if column.direction == "higher" else found.value
    return worse * (known[one] - known[other]) > 0


def _excludes_zero(found: Uncertain, level: float = 0.95) -> bool:
    half = found.half_width(level)
    return half is not None and not found.value - half <= 0.0 <= found.value + half


def reference_of(rows: Sequence[Rankable], column: Column) -> Sampled | None:
    """Return the retrained model's value on the column's scale, None if there is none."""
    values = (row.metrics[column.name].sampled for row in rows if row.reference == "retrained")
    return next((value for value in values if value is not None), None)


def _badness(row: Rankable, column: Column, reference: Sampled | None) -> float:
    """Return a number that is the lower the better; infinite where nothing can be said."""
    sampled = row.metrics[column.name].sampled
    if sampled is None:
        return math.inf
    if column.direction == "match_reference":
        return math.inf if reference is None else abs(sampled.value - reference.value)
    return -sampled.value if column.direction == "higher" else sampled.value
