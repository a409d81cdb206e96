"""Two rows compared on the same questions and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.errors import RecordError, UsageError
from unharness.leaderboard.ranking import Column
from unharness.leaderboard.rows import Group, Row
from unharness.leaderboard.scale import Scale
from unharness.records.examples import ExampleRecord, has_examples, read_examples
from unharness.records.record import RunRecord
from unharness.records.store import StoredRecord

RESAMPLES = 2000
CLOSE = 1e-4
"""How near a metric's value is to the mean of its examples' scores, if it is their mean."""

Scores = dict[str, dict[str, dict[str, float]]]
"""By metric, split and example: the score."""


@dataclass(frozen=True)
class Difference:
    """One metric of A minus that of B."""

    column: Column
    value: float
    ci95: tuple[float, float] | None
    """Paired bootstrap over examples, and over seeds where there are several."""
    log: bool
    """Whether it is a difference of mean negative log-probabilities, nats, as of a perplexity."""
    examples: int
    seeds: int

    @property
    def better(self) -> int:
        """1 if A is better at 95%, -1 if B is, 0 if they cannot be told apart."""
        if self.ci95 is None or self.ci95[0] <= 0.0 <= self.ci95[1]:
            return 0
        higher = 1 if self.value > 0 else -1
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
    seeds: tuple[tuple[int, int], ...]
    """The pairs of seeds."""
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    """By the ranking metric, worst for A first; equal ones are left out."""
    skipped: tuple[str, ...]
    """Metrics that are no mean over examples, and cannot be paired."""


def compare(
    group: Group,
    first: Row,
    second: Row,
    folders: Mapping[str, Path],
    records: Mapping[str, RunRecord],
    seed: int = 0,
) -> Comparison:
    """Compare two rows of a group.

    The interval is that of a paired bootstrap: examples are drawn with replacement within each
    split, the same ones for both rows and all seeds, and pairs of seeds with replacement, too.

    Args:
        group: that both are rows of.
        first: A.
        second: B.
        folders: by run id: where the record lies.
        records: by run id: the record.
        seed: of the bootstrap.

    Raises:
        UsageError: the rows have no seed in common.
        RecordError: the examples of a run are missing or unreadable, or are not the same.
    """
    import numpy

    pairs = _pairs(first, second)
    runs = [(_run(first, a), _run(second, b)) for a, b in pairs]
    needed = list(dict.fromkeys(run for pair in runs for run in pair))
    _require_examples([StoredRecord(records[run], folders[run]) for run in needed])
    read = {run: _read(records[run], folders[run]) for run in needed}
    differences, skipped = [], []
    for column in group.columns:
        kinds = {_kind(records[run], column.name, read[run][1]) for pair in runs for run in pair}
        if kinds - {"mean", "log"} or len(kinds) != 1:
            skipped.append(column.name)
            continue
        log = kinds == {"log"}
        matrices = [
            _matrix([(read[a][1], read[b][1]) for a, b in runs], column.name, split)
            for split in sorted(read[runs[0][0]][1][column.name])
        ]
        sign = -1.0 if log else 1.0
        value, interval = _bootstrap([sign * m for m in matrices], numpy.random.default_rng(seed))
        count = sum(matrix.shape[1] for matrix in matrices)
        differences.append(Difference(column, value, interval, log, count, len(pairs)))
    headline = next((one for one in group.columns if one.name == group.headline), None)
    changes = _changes(headline, runs, read) if headline else []
    return Comparison(
        group, (first, second), pairs, tuple(differences), tuple(changes), tuple(skipped)
    )


def _require_examples(runs: Sequence[StoredRecord]) -> None:
    """Refuse records without per-example numbers, such as published ones, before any is read."""
    missing = [found.folder for found in runs if not has_examples(*found)]
    if missing:
        raise RecordError(
            "compare needs the numbers of every example, examples-….jsonl.gz beside each run.json: "
            f"{len(missing)} of these {len(runs)} runs have none, such as {missing[0]}; "
            "run them again into another --results, and compare there"
        )


def _pairs(first: Row, second: Row) -> tuple[tuple[int, int], ...]:
    """Return the pairs of seeds; a row of a method without seeds pairs with every seed."""
    alone = [_seedless(row) for row in (first, second)]
    if alone[0]:
        return tuple((first.seeds[0], seed) for seed in (second.seeds if not alone[1] else [0]))
    if alone[1]:
        return tuple((seed, second.seeds[0]) for seed in first.seeds)
    common = sorted(set(first.seeds) & set(second.seeds))
    if not common:
        raise UsageError(
            f"no seed in common: {first.method} has {_list(first.seeds)}, "
            f"{second.method} has {_list(second.seeds)}; run one more with --seed"
        )
    return tuple((seed, seed) for seed in common)


def _seedless(row: Row) -> bool:
    """Whether a row's method draws nothing by chance; an unknown method does."""
    from unharness.errors import UnharnessError
    from unharness.plugins import registry

    try:
        return row.seeds == (0,) and not registry().get("methods", row.method).seeded
    except UnharnessError:
        return False


def _run(row: Row, seed: int) -> str:
    return row.runs[row.seeds.index(seed)]


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


def _kind(record: RunRecord, metric: str, scores: Scores) -> str:
    """Return how a metric follows from its examples: `mean`, `log` (exp of minus it), or not."""
    found, splits = record.metrics.get(metric), scores.get(metric)
    if found is None or found.value is None or not splits:
        return "none"
    mean = sum(sum(column.values()) / len(column) for column in splits.values()) / len(splits)
    if math.isclose(found.value, mean, rel_tol=CLOSE, abs_tol=CLOSE):
        return "mean"
    try:
        if math.isclose(found.value, math.exp(-mean), rel_tol=CLOSE):
            return "log"
    except OverflowError:
        pass
    return "none"


def _matrix(pairs: Sequence[tuple[Scores, Scores]], metric: str, split: str) -> Any:
    """Return A minus B, a row a pair of seeds, a column an example that all have."""
    import numpy

    columns = [scores[metric].get(split, {}) for pair in pairs for scores in pair]
    common = sorted(set.intersection(*(set(column) for column in columns)))
    if not common:
        raise RecordError(f"the runs have no example of {split} in common with a {metric}")
    return numpy.array(
        [[a[metric][split][one] - b[metric][split][one] for one in common] for a, b in pairs]
    )


def _bootstrap(matrices: Sequence[Any], rng: Any) -> tuple[float, tuple[float, float] | None]:
    """Return the mean over splits of the mean difference, and its two-level interval."""
    import numpy

    value = float(numpy.mean([matrix.mean() for matrix in matrices]))
    if any(matrix.shape[1] < 2 for matrix in matrices):
        return value, None
    seeds = matrices[0].shape[0]
    drawn = rng.integers(seeds, size=(RESAMPLES, seeds))
    weights = numpy.stack([(drawn == at).sum(axis=1) for at in range(seeds)], axis=1) / seeds
    total = numpy.zeros(RESAMPLES)
    for matrix in matrices:
        chosen = rng.integers(matrix.shape[1], size=(RESAMPLES, matrix.shape[1]))
        means = numpy.stack([row[chosen].mean(axis=1) for row in matrix], axis=1)
        total += (weights * means).sum(axis=1) / len(matrices)
    low, high = numpy.quantile(total, [0.025, 0.975])
    return value, (float(low), float(high))


def _changes(
    column: Column, runs: Sequence[tuple[str, str]], read: Mapping[str, Any]
) -> list[Change]:
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
        generated = tuple(side[split, example].generated for side in texts)
        found.append(
            Change(
                *(split, example, facts.prompt, facts.answer),
                texts=(generated[0], generated[1]),
                scores=(means[0], means[1]),
                gain=sign * (means[0] - means[1]),
            )
        )
    return sorted(found, key=lambda change: change.gain)


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"
