"""Two rows compared on the same questions and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.records.examples import ExampleRecord, has_examples, read_examples
from unharness.records.record import RunRecord
from unharness.report.intervals import RunKey, paired, same_questions
from unharness.report.ranking import Column, reference_of, row_difference
from unharness.report.rows import Group, Row
from unharness.report.scale import Scale, within_range

Scores = dict[str, dict[str, dict[str, float]]]
"""By metric, split and example: the score."""


@dataclass(frozen=True)
class Difference:
    """One metric of A minus that of B."""

    column: Column
    value: float
    ci95: tuple[float, float] | None
    """Over questions and, of several runs, seeds and target seeds; see `intervals`."""
    log: bool
    """Whether it is a difference of mean negative log-probabilities, nats, as of a perplexity."""
    examples: int
    seeds: int
    paired: bool = True
    """Whether the same questions were paired; else what each row's are uncertain by is added."""
    distance: bool = False
    """Whether it is A's distance to the retrained row minus B's, as of what should match it."""

    @property
    def better(self) -> int:
        """1 if A is better at 95%, -1 if B is, 0 if the difference is not significant."""
        if self.ci95 is None or self.ci95[0] <= 0.0 <= self.ci95[1]:
            return 0
        higher = 1 if self.value > 0 else -1
        # A distance is better the smaller it is.
        return higher if self.column.direction == "higher" else -higher


@dataclass(frozen=True)
class Change:
    """One example, and what A and B score on it, over the seeds."""

    split: str
    id: str
    prompt: str
    answer: str
    texts: tuple[str | None, str | None]
    """What A and B generate, at the first common seed."""
    scores: tuple[float, float]
    gain: float
    """How much better A scores than B in the ranking metric's own direction; negative: worse."""


@dataclass(frozen=True)
class Comparison:
    """Two rows of one group, compared."""

    group: Group
    rows: tuple[Row, Row]
    pairs: tuple[tuple[RunKey, RunKey], ...]
    """Runs of both, by target seed and seed, that were paired; none where they are independent."""
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    """By the metric that the task's paper ranks by, worst for A first; equal ones are left out.
    None where no examples lie beside the records."""
    unmatched: tuple[str, ...] = ()
    """Metrics that should match the retrained row's value, where there is no such row."""


def compare(
    group: Group,
    first: Row,
    second: Row,
    folders: Mapping[str, Path],
    records: Mapping[str, RunRecord],
) -> Comparison:
    """Compare two rows of a group.

    The interval is that of the board, of the difference: over the same questions for both rows,
    over pairs of runs of one target seed and seed, and over retrained models. Where a metric
    should match the retrained model's value, the rows' distances to the retrained row are compared.

    Args:
        group: that both are rows of.
        first: A.
        second: B.
        folders: by run id: where the record lies.
        records: by run id: the record.

    Raises:
        RecordError: the examples of a run are unreadable.
    """
    differences, unmatched = [], []
    keys = [_keys(row) for row in (first, second)]
    pairs = paired(*keys)
    for column in group.columns:
        matching = column.direction == "match_reference"
        if matching and reference_of(group.rows, column) is None:
            unmatched.append(column.name)
            continue
        found = row_difference(group.rows, first, second, column)
        if found is None:
            continue
        log = Scale.of(column.unit).log
        both = [row.metrics[column.name] for row in (first, second)]
        count = min(one.n for one in both)
        interval = within_range(found.interval(), column.unit, [one.value for one in both])
        differences.append(
            Difference(
                *(column, found.value, interval, log),
                examples=count,
                seeds=max(1, len(pairs)),
                paired=_same_questions(first, second, column),
                distance=matching,
            )
        )
    shown = group.column(group.ranking.headline)
    changes = _answers(shown, group, (first, second), pairs, folders, records) if shown else []
    return Comparison(
        group,
        (first, second),
        tuple((keys[0][a], keys[1][b]) for a, b in pairs),
        tuple(differences),
        tuple(changes),
        tuple(unmatched),
    )


def _same_questions(first: Row, second: Row, column: Column) -> bool:
    one, other = (row.metrics[column.name].sampled for row in (first, second))
    return one is not None and other is not None and same_questions(one, other)


def _keys(row: Row) -> tuple[RunKey, ...]:
    return tuple(zip(row.target_seeds, row.seeds, strict=True))


def _answers(
    column: Column,
    group: Group,
    rows: tuple[Row, Row],
    pairs: Sequence[tuple[int, int]],
    folders: Mapping[str, Path],
    records: Mapping[str, RunRecord],
) -> list[Change]:
    """Return what the rows answer to each question, where the examples lie beside the records."""
    runs = [(rows[0].runs[a], rows[1].runs[b]) for a, b in pairs or [(0, 0)]]
    needed = dict.fromkeys(run for pair in runs for run in pair)
    if not all(run in records and has_examples(records[run], folders[run]) for run in needed):
        return []
    retrained = _retrained_runs(group, folders, records)
    read = {run: _read(records[run], folders[run]) for run in (*needed, *retrained)}
    return _changes(column, runs, retrained, read)


def _retrained_runs(
    group: Group, folders: Mapping[str, Path], records: Mapping[str, RunRecord]
) -> list[str]:
    """Return the retrained row's runs, where a column needs them; those with examples."""
    if not any(column.direction == "match_reference" for column in group.columns):
        return []
    runs = [run for row in group.rows if row.reference == "retrained" for run in row.runs]
    return [run for run in runs if run in records and has_examples(records[run], folders[run])]


def _read(record: RunRecord, folder: Path) -> tuple[dict[tuple[str, str], ExampleRecord], Scores]:
    """Return a run's examples by split and id, and their scores."""
    examples: dict[tuple[str, str], ExampleRecord] = {}
    scores: Scores = {}
    for line in read_examples(record, folder):
        examples[line.split, line.id] = line
        for metric, score in line.scores.items():
            if score is not None:
                scores.setdefault(metric, {}).setdefault(line.split, {})[line.id] = score
    return examples, scores


def _changes(
    column: Column,
    runs: Sequence[tuple[str, str]],
    retrained: Sequence[str],
    read: Mapping[str, Any],
) -> list[Change]:
    matching = column.direction == "match_reference"
    if matching and not retrained:
        return []
    found = []
    metric = column.name
    # On the log scale an example's score is a log-probability: it falls as the metric rises.
    sign = 1 if (column.direction == "higher") != Scale.of(column.unit).log else -1
    texts = read[runs[0][0]][0], read[runs[0][1]][0]
    for (split, example), facts in texts[0].items():
        columns = [
            tuple(read[run][1].get(metric, {}).get(split, {}).get(example) for run in pair)
            for pair in runs
        ]
        if any(score is None for pair in columns for score in pair):
            continue
        means = [sum(pair[side] for pair in columns) / len(columns) for side in (0, 1)]
        if means[0] == means[1] or (split, example) not in texts[1]:
            continue
        gain = sign * (means[0] - means[1])
        if matching:
            wanted = [read[run][1].get(metric, {}).get(split, {}).get(example) for run in retrained]
            if None in wanted:
                continue
            reference = sum(wanted) / len(wanted)
            gain = abs(means[1] - reference) - abs(means[0] - reference)
        generated = tuple(side[split, example].generated for side in texts)
        found.append(
            Change(
                *(split, example, facts.prompt, facts.answer),
                texts=(generated[0], generated[1]),
                scores=(means[0], means[1]),
                gain=gain,
            )
        )
    return sorted(found, key=lambda change: change.gain)
