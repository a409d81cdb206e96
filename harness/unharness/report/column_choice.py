"""Which columns of a board the user asks for: by label, pattern, axis, or a task's preset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase

from unharness.axes import AXES
from unharness.errors import UnharnessError, UnknownNameError, UsageError, nearest
from unharness.evaluation.uses import labels_of, uses_of
from unharness.registry import registry
from unharness.report.rows import COSTS, Board, Group

Presets = Mapping[str, Mapping[str, Sequence[str]]]
"""By task: words that stand for columns, by name of a preset."""
ALL_LABELS = "'unharness leaderboard --format csv' has the labels of all columns."


def task_presets() -> Presets:
    """Return the presets of all tasks; a task that cannot be loaded has none."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    known = registry()
    for task in known.names("tasks"):
        with suppress(UnharnessError), known.named("tasks", task):
            given = known.get("tasks", task).column_presets
            found[task] = {str(name): tuple(map(str, words)) for name, words in given.items()}
    return found


def choose_columns(board: Board, words: Sequence[str]) -> Board:
    """Return the board with the columns that words stand for, in the order of the words.

    A word is the label of a column or a cost; a pattern of labels (`forget_*`); an axis, which is
    all columns of it; or a preset, which a task gives for its own tables. Tables that have none of
    the columns are left out.

    Args:
        board: compared.
        words: at least one.

    Raises:
        UnknownNameError: a word stands for nothing that any table has or any task measures.
        UsageError: no table has any of the columns.
    """
    presets = task_presets()
    _check(board, words, presets)
    chosen = [_chosen(group, words, presets) for group in board.groups]
    groups = tuple(group for group in chosen if group.columns or group.costs)
    if board.groups and not groups:
        here = {column.axis for group in board.groups for column in group.columns}
        axes = [axis for axis in AXES if axis in here or axis == "cost"]
        raise UsageError(
            f"no table here has a column of {', '.join(words)}. Axes here: {', '.join(axes)}. "
            f"{ALL_LABELS}"
        )
    return replace(board, groups=groups)


def _chosen(group: Group, words: Sequence[str], presets: Presets) -> Group:
    named = presets.get(group.spec.task.partition(":")[0], {})
    labels = _labels(group)
    wanted: dict[str, None] = {}
    for word in words:
        own = named.get(word) if word not in labels and word not in AXES else None
        for one in own if own is not None else (word,):
            wanted |= dict.fromkeys(_matched(one, group, labels))
    by_name = {column.name: column for column in group.columns}
    return replace(
        group,
        columns=tuple(replace(by_name[name], detail=False) for name in wanted if name in by_name),
        costs=tuple(name for name in wanted if name in COSTS),
    )


def _matched(word: str, group: Group, labels: Sequence[str]) -> Iterator[str]:
    """Yield the labels of a group's columns and costs that a label, axis or pattern stands for."""
    if word in labels:
        yield word
    elif word in AXES:
        yield from (column.name for column in group.columns if column.axis == word)
        yield from COSTS if word == "cost" else ()
    else:
        yield from (label for label in labels if fnmatchcase(label, word))


def _labels(group: Group) -> list[str]:
    return [*(column.name for column in group.columns), *COSTS]


def _check(board: Board, words: Sequence[str], presets: Presets) -> None:
    """Refuse words that stand for nothing that a table has or a task measures.

    Raises:
        UnknownNameError: names the nearest ones.
    """
    labels = {label for group in board.groups for label in _labels(group)} | set(COSTS)
    names = {*AXES, *(name for one in presets.values() for name in one)}
    for word in words:
        if word in labels or word in names or any(fnmatchcase(one, word) for one in labels):
            continue
        measured = measured_labels()
        if word not in measured and not any(fnmatchcase(one, word) for one in measured):
            everything = labels | names | measured
            # Without a near one, all labels of all tasks would be a wall of text.
            known = everything if nearest(word, everything) else names
            raise UnknownNameError("column, axis or preset", word, known, ALL_LABELS)


def measured_labels() -> set[str]:
    """Return the labels of what all tasks measure; a task that cannot be loaded has none."""
    known = registry()
    found: set[str] = set()
    for task in known.names("tasks"):
        with suppress(UnharnessError), known.named("tasks", task):
            found |= set(labels_of(uses_of(known.get("tasks", task), known)))
    return found
