"""Which row is better: the order of a group's rows, and the best of each column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow
from unharness.report.scale import Scale
from unharness.report.seeds import over_seeds


@dataclass(frozen=True)
class Value:
    """A metric's value in a row."""

    value: float | None
    ci95: tuple[float, float] | None
    """Over examples for one seed, over seeds for several."""
    n: int
    """Examples of one run."""
    by_seed: Mapping[int, float] = field(default_factory=dict)
    """The runs' own values."""


@dataclass(frozen=True)
class Column:
    """A metric as a column."""

    name: str
    unit: str
    direction: Literal["higher", "lower", "match_reference"]
    role: str = ""
    """Of the split that it is measured on; empty for a composite and for general knowledge."""
    detail: bool = False
    """Whether tables leave it out unless it is asked for."""


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
    reference = _reference(rows, headline) if headline else None

    def key(row: R) -> tuple[int, float, str]:
        if row.reference:
            return (REFERENCE_ROWS.index(row.reference) - len(REFERENCE_ROWS), 0.0, row.method)
        badness = _badness(row, headline, reference) if headline else math.inf
        return (0, badness, row.method)

    return sorted(rows, key=key)


def best_rows(rows: Sequence[Rankable], column: Column) -> frozenset[int]:
    """Return the index of the best row of a column, reference rows left out, or nothing.

    Nothing is best where fewer than two rows can be compared, or where the best does not differ
    significantly from every other row: the 95% interval of a difference covers zero. It is the
    paired t interval over the seeds that both have, where there are two or more, and else comes
    from both intervals over examples as if these were independent.
    """
    reference = _reference(rows, column)
    known = {
        index: _badness(row, column, reference)
        for index, row in enumerate(rows)
        if not row.reference
    }
    known = {index: value for index, value in known.items() if value < math.inf}
    if len(known) < 2:
        return frozenset()
    best = min(known, key=lambda index: known[index])
    others = [_scaled(rows[index].metrics[column.name], column) for index in known if index != best]
    mine = _scaled(rows[best].metrics[column.name], column)
    if column.direction == "match_reference":
        retrained = _reference_value(rows, column)
        clear = all(_apart_from(mine, other, retrained) for other in others)
    else:
        clear = all(differ(mine, other) for other in others)
    return frozenset({best}) if clear else frozenset()


def distances(rows: Sequence[Rankable], column: Column) -> list[float | None]:
    """Return how far each row's value is from the retrained row's, on the column's scale.

    None where one of the two has no value.
    """
    reference = _reference(rows, column)
    values = [_scaled(row.metrics[column.name], column).value for row in rows]
    return [
        None if value is None or reference is None else abs(value - reference) for value in values
    ]


def differ(one: Value, other: Value) -> bool:
    """Return whether two values on one scale differ at 95%; without intervals, they do not."""
    common = sorted(set(one.by_seed) & set(other.by_seed))
    if len(common) >= 2:
        _, interval = over_seeds([one.by_seed[s] - other.by_seed[s] for s in common])
        return interval is not None and not interval[0] <= 0.0 <= interval[1]
    if one.value is None or other.value is None or one.ci95 is None or other.ci95 is None:
        return False
    return abs(one.value - other.value) > math.hypot(_half(one.ci95), _half(other.ci95))


def _apart_from(one: Value, other: Value, reference: Value | None) -> bool:
    """Return whether one is nearer to the reference, by more than the intervals allow.

    The reference's own interval counts where the two lie on different sides of it: moving it
    moves one distance up and the other down. On one side it cancels.
    """
    if reference is None or reference.value is None or one.ci95 is None or other.ci95 is None:
        return False
    assert one.value is not None  # its badness is finite
    assert other.value is not None
    nearer, farther = one.value - reference.value, other.value - reference.value
    halves = [_half(one.ci95), _half(other.ci95)]
    if nearer * farther < 0:
        if reference.ci95 is None:
            return False
        halves.append(2 * _half(reference.ci95))
    return abs(farther) - abs(nearer) > math.hypot(*halves)


def _half(interval: tuple[float, float]) -> float:
    return (interval[1] - interval[0]) / 2


def _reference(rows: Sequence[Rankable], column: Column) -> float | None:
    """Return the retrained model's value on the column's scale, None if there is none."""
    found = _reference_value(rows, column)
    return found.value if found else None


def _reference_value(rows: Sequence[Rankable], column: Column) -> Value | None:
    """Return the same with its interval."""
    values = (row.metrics[column.name] for row in rows if row.reference == "retrained")
    scaled = (_scaled(value, column) for value in values)
    return next((value for value in scaled if value.value is not None), None)


def _scaled(value: Value, column: Column) -> Value:
    """Return a value on the scale of its unit, where distances mean the same everywhere."""
    scale = Scale.of(column.unit)
    known = [value.value, *(value.ci95 or ()), *value.by_seed.values()]
    if not scale.covers([number for number in known if number is not None]):
        return Value(None, None, value.n)
    return Value(
        None if value.value is None else scale.to(value.value),
        value.ci95 and (scale.to(value.ci95[0]), scale.to(value.ci95[1])),
        value.n,
        {seed: scale.to(number) for seed, number in value.by_seed.items()},
    )


def _badness(row: Rankable, column: Column, reference: float | None) -> float:
    """Return a number that is the lower the better; infinite where nothing can be said."""
    value = _scaled(row.metrics[column.name], column).value
    if value is None:
        return math.inf
    if column.direction == "match_reference":
        return math.inf if reference is None else abs(value - reference)
    return -value if column.direction == "higher" else value
