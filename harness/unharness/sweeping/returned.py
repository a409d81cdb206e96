"""Records that a worker on another machine returns, and where they may be written.

A worker names files relative to the results folder. Only the records of its own job are taken:
everything else that it may name is refused, and nothing of its answer is written then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from unharness.cache import is_locked, locked
from unharness.errors import RecordError, UnharnessError
from unharness.records.artifacts import is_examples, remove_artifacts
from unharness.records.check import problem_of
from unharness.records.files import whole_file
from unharness.records.record import RunRecord
from unharness.records.store import RECORD_FILE, RecordStore, read_record
from unharness.sweeping.executor import Job

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
    checked = [_checked(store, place, found) for place, found in _by_place(job, files).items()]
    for folder, record, found in checked:
        lock = job.records[record.run_id]
        if is_locked(lock):
            continue
        try:
            with locked(lock):
                if _is_wanted(job, folder, record, found):
                    _write(folder, record, found)
        except (OSError, UnharnessError) as error:
            raise RecordError(f"{folder}: the record cannot be written ({error})") from error


def _by_place(job: Job, files: Files) -> dict[PurePosixPath, dict[str, bytes]]:
    """Return the files by relative folder and name; refuse what is no record of the job."""
    found: dict[PurePosixPath, dict[str, bytes]] = {}
    for name, content in files.items():
        path = PurePosixPath(name)
        known = path.parent.name in job.records
        if not known or not (path.name == RECORD_FILE or is_examples(path.name)):
            raise RecordError(
                f"the worker returned {name[:200]!r}, which is no file of a record of this run; "
                "nothing of its answer was written"
            )
        found.setdefault(path.parent, {})[path.name] = content
    return found


def _checked(
    store: RecordStore, place: PurePosixPath, files: Files
) -> tuple[Path, RunRecord, Files]:
    """Return a record that its examples fit, and its folder, which must be the place named."""
    try:
        record = RunRecord.model_validate_json(files.get(RECORD_FILE, b""))
    except ValidationError as error:
        raise RecordError(f"the worker returned no record that can be read of {place}") from error
    problem = problem_of(record)
    folder = store.folder(record.spec)
    if not problem and place.parts != folder.relative_to(store.root).parts:
        problem = f"it belongs into {folder}"
    named = record.artifacts.get("examples", {})
    for name in set(files) - {RECORD_FILE}:
        digest = hashlib.sha256(files[name]).hexdigest()
        if named.get("path") != name or named.get("sha256") != digest:
            problem = problem or f"{name} is not what it names"
    if problem:
        raise RecordError(f"the worker returned a record of {place} that is refused: {problem}")
    return folder, record, files


def _is_wanted(job: Job, folder: Path, record: RunRecord, files: Files) -> bool:
    path = folder / RECORD_FILE
    if not path.is_file():
        return True
    if path.read_bytes() == files[RECORD_FILE]:
        return False  # the folder is shared with the worker
    try:
        existing = read_record(path)
    except RecordError:
        return False  # it cannot be read, and is not ours to move
    forced = job.request.force and record.run_id == job.run_id
    return existing.status != "done" or (forced and record.status == "done")


def _write(folder: Path, record: RunRecord, files: Files) -> None:
    """Write the files, the record last: it names the others."""
    for name in sorted(files, key=lambda name: name == RECORD_FILE):
        with whole_file(folder / name) as handle:
            handle.write(files[name])
    remove_artifacts(folder, record)
