"""Many runs as one: which runs share a target, a metric over the seeds, the mean of a cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from unharness.records.record import MetricRecord, RunRecord
from unharness.report.ranking import Value
from unharness.report.scale import Scale

BY_HAND = ("set", "epochs", "lr", "batch_size")
"""What a user passes who chooses hyperparameters; see `RunRequest`."""


def target_weights(record: RunRecord) -> str | None:
    """Return the SHA-256 of the target's weights; None where the record names no target."""
    return record.target.weights_hash if record.target else None


def by_target(records: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """Return the records split by their target's weights.

    Equal settings can give other weights (another machine or library, a damaged file): such runs
    started from different models, and nothing is averaged over them. Records without a target
    stand with the others where those have one target; else they stand alone.
    """
    found: dict[str | None, list[RunRecord]] = {}
    for record in records:
        found.setdefault(target_weights(record), []).append(record)
    if None in found and len(found) == 2:
        return [[record for alike in found.values() for record in alike]]
    return list(found.values())


def over_runs(runs: Sequence[RunRecord], name: str) -> Value:
    """Return one metric over runs that differ in the seed alone."""
    if not runs:
        return Value(None, None, 0)
    value = _value([record.metrics.get(name) for record in runs])
    if value.value is None:
        return value
    return replace(
        value,
        by_seed={record.spec.seed: float(record.metrics[name].value or 0.0) for record in runs},
    )


def _value(metrics: Sequence[MetricRecord | None]) -> Value:
    """Aggregate one metric over seeds, on its unit's scale; if one has no value there is none."""
    n = min(metric.n if metric else 0 for metric in metrics)
    values = [metric.value for metric in metrics if metric and metric.value is not None]
    if metrics[0] is None or len(values) < len(metrics):
        return Value(None, None, n)
    if len(metrics) == 1:
        return Value(values[0], metrics[0].ci95, n)
    scale = Scale.of(metrics[0].unit)
    return Value(*scale.over_seeds(values), n) if scale.covers(values) else Value(None, None, n)


def mean_cost(records: Iterable[RunRecord], name: str) -> float | None:
    """Return the mean of one cost over the runs that have it."""
    found = [getattr(record.cost, name) for record in records]
    values = [value for value in found if value is not None]
    return statistics.mean(values) if values else None


def how_chosen(record: RunRecord) -> str:
    """Return how a run's hyperparameters were chosen, in words."""
    spec = record.spec
    if spec.tuned:
        return f"tuned, {spec.tuned} trials"
    if any(record.passed.get(name) for name in BY_HAND):
        return "by hand"
    return f"preset {spec.preset}" if spec.preset else "default"
