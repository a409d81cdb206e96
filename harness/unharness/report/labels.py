"""How metrics, rows and groups are called wherever they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unharness.evaluation.metric import PERCENT
from unharness.report.published_rows import published_notes
from unharness.report.scale import Scale
from unharness.report.values import format_number, shown_value, signed

if TYPE_CHECKING:
    from unharness.records.record import MetricRecord
    from unharness.report.ranking import Column
    from unharness.report.rows import Board, Group, Row

ARROWS = {"higher": "↑", "lower": "↓", "match_reference": "="}
GENERAL_PREFIX = "general/"
"""Metrics of general knowledge begin so; after it comes lm-eval's name of the task."""

COST_WORDS: Mapping[str, tuple[str, ...]] = {
    "train_seconds": ("Train", "s"),
    "seconds_per_step": ("Step", "s"),
    "peak_memory_gb": ("Peak", "GB"),
    "trainable_parameters": ("Trained", "parameters"),
}
"""The headers of costs."""
_WORDS = {"retention": "Retain", "ppl": "PPL", "rouge": "ROUGE"}
_FILLERS = {"success"}


@dataclass(frozen=True)
class RowLabel:
    """What a row is called."""

    name: str
    """The method, with the tuning where the group holds several."""
    details: tuple[str, ...]
    """Number of seeds, the hyperparameters in which rows of the same name differ, and the origin
    of records of others."""


def metric_label(name: str, metric: MetricRecord) -> str:
    """Return a metric's name, what share of its questions was asked, and what is better."""
    sample = f" ({metric.sample})" if metric.sample else ""
    return f"{name}{sample} {ARROWS[metric.direction]}"


def score_label(column: Column) -> str:
    """Return what one example's score of a metric is called."""
    log = Scale.of(column.unit).log
    return f"mean log-probability ({column.name})" if log else column.name


def score_unit(column: Column) -> str:
    """Return the unit of one example's score of a metric."""
    return "" if Scale.of(column.unit).log else column.unit


def changed(change: float, unit: str = "") -> str:
    """Return what a value changed by: a difference with its sign, or of a perplexity a factor."""
    return f"×{format_number(change)}" if Scale.of(unit).log else signed(change, unit)


def metric_words(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return every metric's short name, as words; a name that two would share is written out."""
    short = {name: _short(name) for name in names}
    counts = Counter(short.values())
    return {name: words if counts[words] == 1 else (name,) for name, words in short.items()}


def with_arrow(words: Sequence[str], direction: str) -> tuple[str, ...]:
    """Return the words of a header, with what is better behind the last one."""
    return (*words[:-1], f"{words[-1]} {ARROWS[direction]}")


def headers(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return every column's header, as words."""
    return [
        with_arrow(words, column.direction)
        for words, column in zip(column_words(columns), columns, strict=True)
    ]


def column_words(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return every column's short name, as words, with what its questions were.

    Of general knowledge that is how many of how many questions were asked, and what guessing gives.
    """
    words = metric_words([column.name for column in columns])
    return [(*words[column.name], *_asked(column)) for column in columns]


def _asked(column: Column) -> list[str]:
    asked = column.sample or (f"n={column.n}" if column.n else "")
    chance = f"chance {format_number(column.chance, PERCENT)}" if column.chance is not None else ""
    return [f"({text})" for text in (asked, chance) if text]


def row_labels(group: Group) -> list[RowLabel]:
    """Return what every row of a group is called; no two rows are called the same."""
    tunings = {row.spec.tuning for row in group.rows}
    names = [
        f"{row.method} ({row.spec.tuning})" if len(tunings) > 1 else row.method
        for row in group.rows
    ]
    mixed = bool(_unequal_targets(group))
    settings: dict[str, list[dict[str, Any]]] = {}
    for name, row in zip(names, group.rows, strict=True):
        settings.setdefault(name, []).append(row.settings())
    keys = {name: differing(same) for name, same in settings.items()}
    labels = []
    for name, row in zip(names, group.rows, strict=True):
        own = row.settings()
        details = [f"{key}={shown_value(own[key])}" for key in keys[name] if key in own]
        if row.chosen != "default" and not details:
            details.append(row.chosen)
        elif row.chosen != "default" and row.chosen != "by hand":
            details.insert(0, row.chosen)
        if runs := _runs(row, mixed and not row.reference):
            details.append(runs)
        if row.origin:
            details.append(f"from {row.origin}")
        labels.append(RowLabel(name, tuple(details)))
    return labels


def _runs(row: Row, mixed: bool) -> str:
    """Return how many seeds a row has, of which or how many target seeds; empty for one run.

    Args:
        row: of a group.
        mixed: whether its methods have different target seeds; a single one is named then.
    """
    targets, seeds = len(set(row.target_seeds)), len(set(row.seeds))
    if targets > 1:
        return f"{len(row.runs)} runs: {seeds} seed{'s' * (seeds > 1)}, {targets} target seeds"
    found = [f"{seeds} seeds"] if seeds > 1 else []
    found += [f"target seed {row.target_seeds[0]}"] if mixed and targets else []
    return " of ".join(found)


def _unequal_targets(group: Group) -> list[tuple[tuple[int, ...], int]]:
    """Return the target seeds that methods were run on, each with how many rows have them.

    Empty where all have the same. Reference rows do not count: a base or retrained model belongs
    to every target.
    """
    seeds = Counter(tuple(sorted(set(row.target_seeds))) for row in group.rows if not row.reference)
    return sorted(seeds.items()) if len(seeds) > 1 else []


def _targets_note(group: Group) -> list[str]:
    """Say that not all rows were run on the same target models, where that is so."""
    found = _unequal_targets(group)
    if not found:
        return []
    counts = ", ".join(
        f"{count} row{'s' * (count > 1)} of target seed{'s' * (len(seeds) > 1)} "
        + " and ".join(map(str, seeds))
        for seeds, count in found
    )
    return [
        f"Not all rows have the same target models ({counts}). Where two rows share none, part of "
        "their difference may come from the targets, which its interval does not cover."
    ]


def differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all of those that have them."""
    keys = dict.fromkeys(key for one in settings for key in one)
    return [key for key in keys if len({repr(one[key]) for one in settings if key in one}) > 1]


def rank_text(group: Group, index: int) -> str:
    """Return the places that a row may have; empty for reference rows and without ranking."""
    first, last = group.ranks.get(index, (0, 0))
    if not first:
        return ""
    return str(first) if first == last else f"{first}–{last}"


def group_titles(board: Board) -> list[str]:
    """Return every group's title; where two would have the same, with what sets them apart."""
    flat = [_flat(group.facts) for group in board.groups]
    titles = [group.title for group in board.groups]
    found = []
    for title, facts in zip(titles, flat, strict=True):
        same = [other for key, other in zip(titles, flat, strict=True) if key == title]
        apart = [f"{key}={_shortened(facts[key])}" for key in differing(same) if key in facts]
        found.append(" · ".join([title, *apart]))
    return found


def group_notes(group: Group) -> list[str]:
    """Return what a reader of the group's table must know."""
    spec = group.spec
    notes = []
    headline = group.ranked_by
    if headline is not None:
        notes.append(f"Ranked by {headline.name}.{_smallest(group, headline)}")
    notes += group.notes
    notes += _targets_note(group)
    notes += published_notes(group)
    if any(group.change(row, column) is not None for row in group.rows for column in group.shown):
        notes.append(
            "General knowledge: below the interval the change against the target and its interval, "
            "paired by question where the records have each answer."
        )
    if origins := sorted({row.origin for row in group.rows if row.origin}):
        notes.append(
            f"Rows from {', '.join(origins)} are records of others: run ids and the digests of "
            "their examples' numbers are verified, the numbers are not reproduced."
        )
    if any(group.best.values()):
        notes.append("Bold: significantly better than all other rows (95%); ties are not bold.")
    for found in group.trade_offs:
        names = dict.fromkeys(group.rows[index].method for index in sorted(found.front))
        notes.append(
            f"Pareto front of {found.across} and {found.against}: {', '.join(names)}; "
            f"hypervolume {format_number(found.hypervolume, '%')}% of {found.square}."
        )
    if spec.model == "tiny":
        notes.append(
            "tiny is a model for testing methods and the harness: "
            "these numbers say nothing about large models."
        )
    if spec.data_source == "standin":
        notes.append("The data is the bundled stand-in, not the data of the task's paper.")
    return notes


def _smallest(group: Group, headline: Column) -> str:
    """Say which difference two rows of a group must have to be told apart."""
    found = group.smallest_difference
    if found is None or Scale.of(headline.unit).log:
        return ""
    unit = "points" if headline.unit == PERCENT else headline.unit
    size = format_number(found, headline.unit)
    return f" Typical smallest difference that is significant here: {size} {unit}."


def _short(name: str) -> tuple[str, ...]:
    if name.startswith(GENERAL_PREFIX):
        return ("General", name.removeprefix(GENERAL_PREFIX).replace("_", "-"))
    parts = name.split("_")
    words: list[str] = []
    for part in [part for part in parts if part not in _FILLERS] or parts:
        word = _WORDS.get(part, part[:1].upper() + part[1:])
        if len(part) == 1 and words:  # rouge_l is ROUGE-L
            words[-1] += f"-{word}"
        else:
            words.append(word)
    return tuple(words)


def _shortened(value: Any) -> str:
    """Return a value as text; of a hash, the beginning."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else shown_value(value)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
