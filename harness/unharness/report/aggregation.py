"""Many runs as one: the mean of a cost, and how the hyperparameters were chosen."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from unharness.records.record import RunRecord

BY_HAND = ("set", "epochs", "lr", "batch_size")
"""What a user passes who chooses hyperparameters; see `RunRequest`."""


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
