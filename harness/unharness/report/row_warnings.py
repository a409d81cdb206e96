"""The warnings of a group's rows, a line for each kind: many say the same in other numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from unharness.report.labels import row_labels
from unharness.report.rows import COLLAPSED, Group, Row

MOST_NAMES = 8
"""More rows than that are counted, not named."""
_VARIES = re.compile(
    r"""(?<!\w)'[^']*'(?!\w)|"[^"]*"|(?<![\w.])\d+(?:\.\d+)?%|(?<![\w.])\d+(?= of )"""
)
"""What may differ between warnings of one kind: shares, counts and quoted texts."""


@dataclass
class _Kind:
    """Warnings that differ only in what `_VARIES` finds."""

    words: list[str]
    """Around what varies."""
    found: list[list[str]] = field(default_factory=list)
    """What varies, by warning."""
    rows: dict[int, set[str]] = field(default_factory=dict)
    """Runs that have the warning, by row; empty where the row has it as a whole."""


def row_warnings(group: Group) -> list[str]:
    """Return a line for every kind of warning, with the rows and the number of runs that have it.

    Numbers that differ become a range. `unharness show RUN` has a run's own warnings.
    """
    kinds: dict[tuple[str, ...], _Kind] = {}
    for index, row in enumerate(group.rows):
        for text in row.warnings:
            words = _VARIES.split(text)
            kind = kinds.setdefault(tuple(words), _Kind(words))
            kind.found.append(_VARIES.findall(text))
            kind.rows.setdefault(index, set()).update(row.warned_runs.get(text, ()))
    names = [label.name for label in row_labels(group)]
    ordered = sorted(kinds.values(), key=lambda kind: not kind.words[0].startswith(COLLAPSED))
    return [f"{_text(kind)} · {_who(kind, group.rows, names)}" for kind in ordered]


def _text(kind: _Kind) -> str:
    slots = [_joined(values) for values in zip(*kind.found, strict=True)]
    return "".join(word + slot for word, slot in zip(kind.words, [*slots, ""], strict=True))


def _joined(values: Sequence[str]) -> str:
    """Return one value for all: a range of numbers, or that texts differ."""
    if len(set(values)) == 1:
        return values[0]
    if values[0][0] in "'\"":
        return "'…'"
    low, high = (pick(values, key=lambda one: float(one.rstrip("%"))) for pick in (min, max))
    return f"{low.rstrip('%')}–{high}"


def _who(kind: _Kind, rows: Sequence[Row], names: Sequence[str]) -> str:
    """Name the rows; of those with several runs, say how many have the warning."""
    by_run = any(kind.rows.values()) and any(len(rows[index].runs) > 1 for index in kind.rows)
    counts: Counter[str] = Counter()
    for index, runs in kind.rows.items():
        counts[names[index]] += len(runs) if by_run else 1
    shown = [
        f"{name} {count}" if len(kind.rows) > 1 and (by_run or count > 1) else name
        for name, count in counts.items()
    ]
    if len(shown) > MOST_NAMES:
        shown = [*shown[:MOST_NAMES], f"{len(shown) - MOST_NAMES} more"]
    named = ", ".join(shown)
    all_runs = sum(len(rows[index].runs) for index in kind.rows)
    some = f"{counts.total()} of {all_runs} runs" if by_run else ""
    if len(kind.rows) == 1:
        return ", ".join(filter(None, [named, some]))
    head = ", ".join(filter(None, [f"{len(kind.rows)} rows", some]))
    return f"{head}: {named}"
