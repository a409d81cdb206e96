"""What metrics against the retrained model have in common: which rows are compared, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from unharness import Seen

RETRAINED: Final = "retrained"
NO_HOLDOUT = "needs a split to be set against, such as a holdout: against=SPLIT"
"""What a metric says that compares two splits and was given one."""
Values = list[float | None]


def other_seeds(seen: Seen, references: Mapping[str, Sequence[Seen]]) -> list[Seen]:
    """Return the retrained models that a model is compared with, one a seed.

    A retrained row is one of its own references: it is compared with the other seeds, and with
    itself only where there is no other.
    """
    rows = list(references[RETRAINED])
    others = [row for row in rows if not _same(row, seen)]
    return others or rows


def _same(one: Seen, other: Seen) -> bool:
    """Whether both are the same model's: they hold the very same observations, not equal ones."""
    return all(one.observed.get(part) is found for part, found in other.observed.items())


def matched(
    seen: Seen, reference: Seen, values: Callable[[Seen], Values]
) -> tuple[list[float], list[float]]:
    """Return the values of the examples, by id, that both models were scored on."""
    gold = {
        row.id: value
        for row, value in zip(reference.examples, values(reference), strict=True)
        if value is not None
    }
    pairs = [
        (value, gold[row.id])
        for row, value in zip(seen.examples, values(seen), strict=True)
        if value is not None and row.id in gold
    ]
    return [own for own, _ in pairs], [other for _, other in pairs]
