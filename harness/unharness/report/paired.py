"""Two rows compared on the same questions and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.errors import RecordError, UsageError
from unharness.records.examples import ExampleRecord, has_examples, read_examples
from unharness.records.record import RunRecord
from unharness.records.store import StoredRecord
from unharness.report.ranking import Column
from unharness.report.rows import Group, Row
from unharness.report.scale import Scale

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
    seeds: tuple[tuple[int, int], ...]
    """The pairs of seeds."""
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    """By the ranking metric, worst for A first; equal ones are left out."""
    skipped: tuple[str, ...]
    """Metrics that are no mean over examples, and cannot be paired."""
    unmatched: tuple[str, ...] = ()
    """Metrics that should match the retrained row's value, where there is no such row."""


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
    Where a metric should match the retrained model's value, the distances of both rows to the
    retrained row are compared, on the same drawn examples.

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
    retrained = _retrained_runs(group, folders, records)
    read = {run: _read(records[run], folders[run]) for run in dict.fromkeys([*needed, *retrained])}
    differences, skipped, unmatched = [], [], []
    for column in group.columns:
        matching = column.direction == "match_reference"
        if matching and not retrained:
            unmatched.append(column.name)
            continue
        used = [*needed, *retrained] if matching else needed
        kinds = {_kind(records[run], column.name, read[run][1]) for run in used}
        if kinds - {"mean", "log"} or len(kinds) != 1:
            skipped.append(column.name)
            continue
        log = kinds == {"log"}
        tables = [
            _table([read[run][1] for run in used], column.name, split, -1.0 if log else 1.0)
            for split in sorted(read[runs[0][0]][1][column.name])
        ]
        rows = [tuple(used.index(run) for run in pair) for pair in runs]
        references = [used.index(run) for run in retrained] if matching else []
        value, interval = _bootstrap(tables, rows, references, numpy.random.default_rng(seed))
        count = sum(table.shape[1] for table in tables)
        differences.append(Difference(column, value, interval, log, count, len(pairs), matching))
    headline = next((one for one in group.columns if one.name == group.headline), None)
    changes = _changes(headline, runs, retrained, read) if headline else []
    return Comparison(
        group,
        (first, second),
        pairs,
        tuple(differences),
        tuple(changes),
        tuple(skipped),
        tuple(unmatched),
    )


def _retrained_runs(
    group: Group, folders: Mapping[str, Path], records: Mapping[str, RunRecord]
) -> list[str]:
    """Return the retrained row's runs, where a column needs them; those with examples."""
    if not any(column.direction == "match_reference" for column in group.columns):
        return []
    runs = [run for row in group.rows if row.reference == "retrained" for run in row.runs]
    return [run for run in runs if run in records and has_examples(records[run], folders[run])]


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
    from unharness.registry import registry

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


def _table(runs: Sequence[Scores], metric: str, split: str, sign: float) -> Any:
    """Return the runs' scores times a sign, a row a run, a column an example that all have."""
    import numpy

    columns = [scores[metric].get(split, {}) for scores in runs]
    common = sorted(set.intersection(*(set(column) for column in columns)))
    if not common:
        raise RecordError(f"the runs have no example of {split} in common with a {metric}")
    return sign * numpy.array([[column[one] for one in common] for column in columns])


def _bootstrap(
    tables: Sequence[Any],
    pairs: Sequence[tuple[int, ...]],
    references: Sequence[int],
    rng: Any,
) -> tuple[float, tuple[float, float] | None]:
    """Return the difference of A and B, and its interval over examples and pairs of seeds.

    Args:
        tables: a split each, (runs, examples).
        pairs: rows of A and B, a pair a seed.
        references: rows of the retrained runs; where there are any, the difference is that of the
            distances to their mean.
        rng: numpy's, of the bootstrap.
    """
    import numpy

    def difference(means: Any) -> Any:
        """Return A against B by pair, (..., pairs), of means of all runs, (..., runs)."""
        first, second = (means[..., [pair[side] for pair in pairs]] for side in (0, 1))
        if not references:
            return first - second
        reference = means[..., list(references)].mean(axis=-1, keepdims=True)
        return numpy.abs(first - reference) - numpy.abs(second - reference)

    whole = numpy.mean([table.mean(axis=1) for table in tables], axis=0)
    value = float(difference(whole).mean())
    if any(table.shape[1] < 2 for table in tables):
        return value, None
    seeds = len(pairs)
    drawn = rng.integers(seeds, size=(RESAMPLES, seeds))
    weights = numpy.stack([(drawn == at).sum(axis=1) for at in range(seeds)], axis=1) / seeds
    means = numpy.zeros((RESAMPLES, tables[0].shape[0]))
    for table in tables:
        chosen = rng.integers(table.shape[1], size=(RESAMPLES, table.shape[1]))
        means += numpy.stack([row[chosen].mean(axis=1) for row in table], axis=1) / len(tables)
    low, high = numpy.quantile((weights * difference(means)).sum(axis=1), [0.025, 0.975])
    return value, (float(low), float(high))


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


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"
