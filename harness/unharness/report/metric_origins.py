"""Numbers of one column that are of different metrics, versions or parameters: never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unharness.records.record import RunRecord

NO_VALUE = {"value": None, "ci95": None, "stderr": None, "status": "of an older metric"}


def current_numbers(records: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    """Return the records with the numbers of the newest kind of every column alone.

    The newest is that of the highest version, and of the run that finished last.

    Returns:
        The records, in which older numbers have no value, and a warning a column.
    """
    names = dict.fromkeys(name for record in records for name in record.metrics)
    newest = {name: _newest(name, records) for name in names}
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


def _newest(name: str, records: Iterable[RunRecord]) -> tuple[object, ...]:
    """Return the origin that counts for a column."""
    found = [record for record in records if name in record.metrics]
    last = max(found, key=lambda one: (one.metrics[name].version or 0, one.finished or ""))
    return last.metrics[name].origin()


def _warning(name: str, runs: Sequence[str]) -> str:
    which = runs[0] if len(runs) == 1 else f"{runs[0]} and {len(runs) - 1} more"
    return (
        f"{name}: left out of {which}, computed by another version or with other parameters; "
        "'unharness score' computes it again"
    )
