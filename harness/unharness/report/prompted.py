"""A row under a prompt: what an instruction before every question makes of the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unharness.records.record import RunRecord
from unharness.report.ranking import Column, Value
from unharness.report.scale import Scale

Aggregate = Callable[[Sequence[RunRecord], str], Value]
"""Records that differ in the seed alone, and a metric's name, to its value over the seeds."""


@dataclass(frozen=True)
class Prompted:
    """A row's runs under one prompt."""

    text: str
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    """Run ids, in the order of the seeds."""
    metrics: Mapping[str, Value]
    changes: Mapping[str, Value]
    """By metric, over the seeds that have both: with the prompt minus without it, or, of a
    perplexity, the factor."""


def without_prompt(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the records that were evaluated on the plain questions."""
    return [record for record in records if not record.spec.evaluation.prompt]


def prompted_rows(
    records: Sequence[RunRecord], columns: Sequence[Column], aggregate: Aggregate
) -> dict[str, Prompted]:
    """Return a row's runs under each prompt, by the prompt's name.

    Two texts of one name are distinguished by the beginning of their SHA-256.
    """
    texts: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.spec.evaluation.prompt:
            texts.setdefault(record.spec.evaluation.prompt, []).append(record)
    names = [runs[0].spec.prompt_name for runs in texts.values()]
    plain = {record.spec.seed: record for record in without_prompt(records)}
    found = {}
    for text, runs in texts.items():
        name = runs[0].spec.prompt_name
        if names.count(name) > 1:
            name = f"{name} {hashlib.sha256(text.encode()).hexdigest()[:6]}"
        ordered = sorted(runs, key=lambda record: record.spec.seed)
        found[name] = Prompted(
            text=text,
            seeds=tuple(record.spec.seed for record in ordered),
            runs=tuple(record.run_id for record in ordered),
            metrics={column.name: aggregate(ordered, column.name) for column in columns},
            changes={column.name: _change(ordered, plain, column) for column in columns},
        )
    return dict(sorted(found.items()))


def _change(runs: Sequence[RunRecord], plain: Mapping[int, RunRecord], column: Column) -> Value:
    scale = Scale.of(column.unit)
    pairs, counts = [], []
    for record in runs:
        after = record.metrics.get(column.name)
        other = plain.get(record.spec.seed)
        before = other.metrics.get(column.name) if other else None
        if after and before and after.value is not None and before.value is not None:
            pairs.append((before.value, after.value))
            counts.append(after.n)
    if not pairs or not scale.covers([value for pair in pairs for value in pair]):
        return Value(None, None, 0)
    return Value(*scale.changes_over_seeds(pairs), min(counts))
