"""Which row is better: the order of a group's rows, and the best of each column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

REFERENCES = ("vanilla", "retrain")
"""Methods that are compared with, not ranked; in the order of their rows."""
RETRAIN = "retrain"


@dataclass(frozen=True)
class Value:
    """A metric's value in a row."""

    value: float | None
    ci95: tuple[float, float] | None
    """Over examples for one seed, over seeds for several."""
    n: int
    """Examples of one run."""


@dataclass(frozen=True)
class Column:
    """A metric as a column."""

    name: str
    unit: str
    direction: Literal["higher", "lower", "match_reference"]


class Rankable(Protocol):
    """What a row must have to be ranked."""

    @property
    def method(self) -> str:
        """The method's name."""

    @property
    def metrics(self) -> Mapping[str, Value]:
        """The row's values."""


R = TypeVar("R", bound=Rankable)


def rank(rows: Sequence[R], headline: Column | None) -> list[R]:
    """Return the references first, then the rest by the headline metric, best first.

    Rows without a value come last; equal ones are ordered by the method's name, and else stay
    as they were.
    """
    reference = _reference(rows, headline) if headline else None

    def key(row: R) -> tuple[int, float, str]:
        if row.method in REFERENCES:
            return (REFERENCES.index(row.method) - len(REFERENCES), 0.0, row.method)
        badness = _badness(row, headline, reference) if headline else math.inf
        return (0, badness, row.method)

    return sorted(rows, key=key)


def best_rows(rows: Sequence[Rankable], column: Column) -> frozenset[int]:
    """Return the indices of the best rows of a column, references left out.

    None is best where fewer than two rows can be compared, or all are equal.
    """
    reference = _reference(rows, column)
    badness = {
        index: _badness(row, column, reference)
        for index, row in enumerate(rows)
        if row.method not in REFERENCES
    }
    known = {index: value for index, value in badness.items() if value < math.inf}
    if len(set(known.values())) < 2:
        return frozenset()
    least = min(known.values())
    return frozenset(index for index, value in known.items() if value == least)


def _reference(rows: Sequence[Rankable], column: Column) -> float | None:
    """Return the retrained model's value, None if there is none."""
    values = (row.metrics[column.name].value for row in rows if row.method == RETRAIN)
    return next((value for value in values if value is not None), None)


def _badness(row: Rankable, column: Column, reference: float | None) -> float:
    """Return a number that is the lower the better; infinite where nothing can be said."""
    value = row.metrics[column.name].value
    if value is None:
        return math.inf
    if column.direction == "match_reference":
        return math.inf if reference is None else abs(value - reference)
    return -value if column.direction == "higher" else value
