"""Whether the logs of a model and of its reference models are of the same examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unharness.errors import DataError
from unharness.evaluation.columns import Column, reference_columns
from unharness.evaluation.scoring import Observations


def matching_notes(
    columns: Sequence[Column],
    own: Observations,
    references: Mapping[str, Sequence[Observations]],
) -> list[str]:
    """Return a line for each reference log with examples that the model's log does not have.

    Args:
        columns: what is computed; splits that need no reference model may differ.
        own: the model's log.
        references: logs by row, one a seed.

    Raises:
        DataError: both logs number their examples by place, and have different numbers of them.
    """
    notes: dict[tuple[str, int, tuple[str, ...], tuple[str, ...]], str] = {}
    for row, asking in reference_columns(columns).items():
        names = dict.fromkeys(name for column in asking for name in column.splits)
        for number, other in enumerate(references.get(row, ())):
            for name in names:
                ids, others = _ids(own, name), _ids(other, name)
                note = _note(name, row, ids, others) if ids and others else ""
                if note:
                    notes.setdefault((row, number, ids, others), note)
    return list(notes.values())


def _ids(model: Observations, split: str) -> tuple[str, ...]:
    return tuple(one.id for one in model.splits[split].examples) if split in model.splits else ()


def _note(split: str, row: str, ids: Sequence[str], others: Sequence[str]) -> str:
    if _are_places(ids) and _are_places(others):
        if len(ids) != len(others):
            raise DataError(
                f"{split}: {len(ids)} examples in the log, {len(others)} in the {row} log; "
                "they are joined by their place, so both logs must be of the same questions in "
                "the same order"
            )
        return ""
    left = len(set(others) - set(ids))
    if not left:
        return ""
    return (
        f"{split}: {left} of {len(others)} examples of the {row} log are not in the log, and are "
        "left out where examples are joined"
    )


def _are_places(ids: Sequence[str]) -> bool:
    """Whether ids are places in a list: 0, 1, 2 …, in any order."""
    return set(ids) == set(map(str, range(len(ids))))
