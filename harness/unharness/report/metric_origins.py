"""Numbers of one column that are of different metrics, versions or parameters: never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unharness.records.record import MetricRecord, RunRecord

NO_VALUE = {"value": None, "ci95": None, "stderr": None, "status": "of an older metric"}


def current_numbers(records: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    """Return the records with the numbers of the newest kind of every column alone.

    The newest is that of the highest version, and of the run that finished last.

    Returns:
        The records, in which older numbers have no value, and a warning a column.
    """
    newest = _newest(records)
    found = []
    old: dict[str, list[str]] = {}
    for record in records:
        older = {
            name: metric.model_copy(update=NO_VALUE)
            for name, metric in record.metrics.items()
            if metric.origin() != newest[name]
        }
        for name in older:
            old.setdefault(name, []).append(record.run_id)
        changed = {"metrics": record.metrics | older}
        found.append(record.model_copy(update=changed) if older else record)
    return found, [_warning(name, runs) for name, runs in old.items()]


def _newest(records: Iterable[RunRecord]) -> dict[str, tuple[object, ...]]:
    """Return by column the origin that counts."""
    newest: dict[str, tuple[tuple[int, str], MetricRecord]] = {}
    for record in records:
        finished = record.finished or ""
        for name, metric in record.metrics.items():
            age = (metric.version or 0, finished)
            if name not in newest or age > newest[name][0]:
                newest[name] = age, metric
    return {name: metric.origin() for name, (_, metric) in newest.items()}


def _warning(name: str, runs: Sequence[str]) -> str:
    which = runs[0] if len(runs) == 1 else f"{runs[0]} and {len(runs) - 1} more"
    return (
        f"{name}: left out of {which}, computed by another version or with other parameters; "
        "'unharness score' computes it again"
    )
