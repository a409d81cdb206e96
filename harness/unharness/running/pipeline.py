"""The way in: a request becomes a plan, and a plan a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unharness.cache import locked
from unharness.errors import UsageError
from unharness.plugins import Registry, registry
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.running.resolve import Plan, resolve
from unharness.running.work import RunUnderWay, finished, lock_of
from unharness.spec import RunRequest


@dataclass(frozen=True)
class Outcome:
    """What came of a request."""

    record: RunRecord
    vanilla: RunRecord | None
    """The target's own record, where there is one."""
    folder: Path
    existed: bool
    """Whether the record was there already, and nothing was run."""


def run(
    method: str = "memflex",
    task: str = "knowundo-privacy",
    *,
    config: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> RunRecord:
    """Unlearn and evaluate; return the record, the existing one if the run was done before.

    Args:
        method: its name.
        task: its name.
        config: hyperparameters of the method by name.
        progress: told how far the run is.
        options: as on the command line: `model`, `tuning`, `engine`, `seed`, `epochs`, `lr`,
            `batch_size`, `data`, `results`, `save_weights`, `limit`, `device`, `force`.

    Raises:
        UsageError: a name or an option is not what it may be.
        DataError, ModelError: data or model cannot be used.
        MethodError: the method failed; its record says so too.
    """
    request = make_request({"method": method, "task": task, "set": dict(config or {}), **options})
    found = registry()
    return execute(resolve(request, found), found, progress or Progress()).record


def make_request(values: Mapping[str, Any]) -> RunRequest:
    """Return a request, or say which option is wrong.

    Raises:
        UsageError: an option is unknown or has an impossible value.
    """
    try:
        return RunRequest(**values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}={item.get('input')!r}: {item['msg']}"
            for item in error.errors()
        )
        raise UsageError(f"{problems}") from error


def execute(plan: Plan, registry: Registry, progress: Progress) -> Outcome:
    """Carry out a plan, unless its record is there already.

    Raises:
        UnharnessError: the run failed; a `failed` record says why.
    """
    store = RecordStore(plan.spec.results)
    # A second process that wants the same run waits, and finds it done.
    with locked(lock_of(plan), progress.note):
        record = None if plan.request.force else finished(store, plan)
        existed = record is not None
        if record is None:
            record = RunUnderWay(plan, registry, progress, store).carry_out()
    vanilla = finished(store, plan.vanilla(registry))
    return Outcome(record, vanilla, store.folder(plan.spec), existed)
