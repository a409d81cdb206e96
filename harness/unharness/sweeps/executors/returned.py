"""Records that a worker on another machine returns, and where they may be written.

A worker names files relative to the results folder. Only the records of its own job are taken:
everything else that it may name is refused, and nothing of its answer is written then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from unharness.cache import is_locked, locked
from unharness.errors import RecordError, UnharnessError
from unharness.records.artifacts import is_data_file
from unharness.records.check import id_problem, problem_of
from unharness.records.files import whole_file
from unharness.records.record import RunRecord
from unharness.records.run_file import RunFile
from unharness.records.store import RECORD_FILE, RecordStore
from unharness.sweeps.executors.executor import Job

Files = Mapping[str, bytes]


def take_records(job: Job, files: Files) -> None:
    """Write the records that a worker returns of a job, where they are not there already.

    A record that is done stays, unless the job was to replace it. Any other, such as the failure
    of an earlier attempt, is replaced. A run that another process is at is left to it.

    Args:
        job: what the worker was asked for.
        files: content by path, relative to the results folder.

    Raises:
        RecordError: a path is not that of a record of the job, or a record does not fit its
            path or its examples; nothing was written. Or it cannot be written.
    """
    store = RecordStore(job.results)
    checked = [
        (record, found)
        for place, found in _by_place(job, files).items()
        for record in _checked(store, place, found)
    ]
    for record, found in checked:
        lock = job.records[record.run_id]
        if is_locked(lock):
            continue
        folder = store.folder(record.spec)
        try:
            with locked(lock):
                if _is_wanted(job, store, record):
                    _write(store, record, found)
        except (OSError, UnharnessError) as error:
            raise RecordError(f"{folder}: the record cannot be written ({error})") from error


def _by_place(job: Job, files: Files) -> dict[PurePosixPath, dict[str, bytes]]:
    """Return the files by relative folder and name; refuse what is no record of the job."""
    found: dict[PurePosixPath, dict[str, bytes]] = {}
    for name, content in files.items():
        path = PurePosixPath(name)
        known = path.parent.name in job.records
        if not known or not (path.name == RECORD_FILE or is_data_file(path.name)):
            raise RecordError(
                f"the worker returned {name[:200]!r}, which is no file of a record of this run; "
                "nothing of its answer was written"
            )
        found.setdefault(path.parent, {})[path.name] = content
    return found


def _checked(store: RecordStore, place: PurePosixPath, files: Files) -> list[RunRecord]:
    """Return the records of a file whose examples fit and whose folder is the place named."""
    try:
        text = files.get(RECORD_FILE, b"").decode()
        content = RunFile.model_validate_json(text)
        records = content.records()
    except ValueError as error:
        raise RecordError(f"the worker returned no record that can be read of {place}") from error
    problem = ""
    named: dict[Any, Any] = {}
    for key, record in zip(content.evaluations, records, strict=True):
        problem = problem or problem_of(record, text) or id_problem(record, key)
        if not problem and place.parts != store.folder(record.spec).relative_to(store.root).parts:
            problem = f"it belongs into {store.folder(record.spec)}"
        named |= {one.get("path"): one.get("sha256") for one in record.artifacts.values()}
    for name in set(files) - {RECORD_FILE}:
        if named.get(name) != hashlib.sha256(files[name]).hexdigest():
            problem = problem or f"{name} is not what it names"
    if problem:
        raise RecordError(f"the worker returned a record of {place} that is refused: {problem}")
    return records


def _is_wanted(job: Job, store: RecordStore, record: RunRecord) -> bool:
    try:
        existing = store.find(record.spec)
    except RecordError:
        return False  # it cannot be read, and is not ours to move
    if existing is None:
        return True
    if existing == record:
        return False  # the folder is shared with the worker
    forced = job.request.force and record.run_id == job.run_id
    return existing.status != "done" or (forced and record.status == "done")


def _write(store: RecordStore, record: RunRecord, files: Files) -> None:
    """Write a record's examples, then the record, which names them."""
    name = str(record.artifacts.get("examples", {}).get("path"))
    if name in files:
        with whole_file(store.folder(record.spec) / name) as handle:
            handle.write(files[name])
    store.save(record)
    store.tidy(record.spec)
