"""Carrying out a sweep: what is left of it, by whatever executor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unharness.cache import is_locked, locked
from unharness.checked import checked
from unharness.errors import UnharnessError, UsageError
from unharness.pipeline.record_builder import utc_now
from unharness.records.store import RecordStore
from unharness.registry import Registry
from unharness.sweeps.executors.executor import Executor, JobResult, SweepObserver
from unharness.sweeps.plan import Cell, SweepPlan

LOCAL = "local"


def make_executor(name: str, options: dict[str, Any], registry: Registry) -> Executor:
    """Return an executor with its options; those that are None are left to it.

    Raises:
        UsageError: it is unknown, or has no such option.
    """
    found: type[Executor] = registry.get("executors", name)
    given = {key: value for key, value in options.items() if value is not None}
    return found(checked(f"executor {found.name!r}", found.Options, given))


def run_sweep(plan: SweepPlan, executor: Executor, observer: SweepObserver) -> list[JobResult]:
    """Run the cells that are left; return what came of each.

    The records are the state of a sweep: what is done is not done again, what was begun and
    broken off is, and so is what failed.
    """
    left = plan.left
    results = executor.run([cell.job() for cell in left], observer)
    failed = {result.run_id: str(result.error) for result in failures(results)}
    for cell in left:
        if cell.run_id in failed:
            _note_crash(cell, failed[cell.run_id])
    return results


def parse_shard(text: str) -> tuple[int, int]:
    """Return index and count of `2/4`.

    Raises:
        UsageError: it is not of that form, or there is no such part.
    """
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text}: expected I/N with I from 1 to N, such as 2/4")
    return int(index), int(count)


def failures(results: Sequence[JobResult]) -> list[JobResult]:
    """Return those that failed."""
    return [result for result in results if result.outcome == "failed"]


def _note_crash(cell: Cell, error: str) -> None:
    """Let the record of a run whose process died say so; it could not do it itself."""
    store = RecordStore(cell.plan.spec.results)
    lock = store.lock(cell.plan.spec)
    if is_locked(lock):
        return
    try:
        with locked(lock):
            record = store.find(cell.plan.spec)
            if record is not None and record.status == "running":
                record.status, record.error, record.finished = "failed", error, utc_now()
                store.save(record)
    except UnharnessError:
        return  # the report says it all the same
