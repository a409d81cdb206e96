"""The folder of records: `<results>/<task>/<model>/<method>/<run id>/run.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from unharness.errors import RecordError, SchemaError
from unharness.records.artifacts import EXAMPLES_FILE as EXAMPLES_FILE
from unharness.records.artifacts import remove_artifacts, remove_scratch
from unharness.records.check import problem_of
from unharness.records.files import write_json
from unharness.records.record import SCHEMA_VERSION, RunRecord
from unharness.spec import RunSpec

RECORD_FILE = "run.json"
LOCKS_FOLDER = ".locks"
LONGEST_NAME = 100
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read, and why. It is never deleted."""

    path: Path
    reason: str


class StoredRecord(NamedTuple):
    """A record, and the folder it was found in.

    What lies beside a record is looked for there. The folder that its spec would be given today
    may be another one: the rules for it change, and people move folders.
    """

    record: RunRecord
    folder: Path


class RecordStore:
    """Reads and writes the records under one folder."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, spec: RunSpec) -> Path:
        """Return where a run's record lies."""
        parts = [spec.task, path_name(spec.model), spec.method, spec.run_id()]
        return self.root.joinpath(*parts)

    def save(self, record: RunRecord) -> Path:
        """Write a record whole, and return its file.

        Raises:
            RecordError: it cannot be written.
        """
        path = self.folder(record.spec) / RECORD_FILE
        try:
            write_json(path, record.model_dump(mode="json"))
        except (OSError, ValueError) as error:  # ValueError: a number that is none, in JSON's eyes
            raise RecordError(f"{path}: the record cannot be written ({error})") from error
        return path

    def find(self, spec: RunSpec) -> RunRecord | None:
        """Return the record of a run if there is a readable one."""
        path = self.folder(spec) / RECORD_FILE
        return read_record(path) if path.is_file() else None

    def lock(self, spec: RunSpec) -> Path:
        """Return the lock file of a run.

        It lies in the folder of records itself, so that it holds for every machine that uses it.
        """
        return self.root / LOCKS_FOLDER / f"{spec.run_id()}.lock"

    def discard(self, spec: RunSpec) -> None:
        """Remove what an interrupted run left, and the folders it leaves empty; nothing else."""
        folder = self.folder(spec)
        (folder / RECORD_FILE).unlink(missing_ok=True)  # first: it names the others
        remove_artifacts(folder, None)
        for parent in [folder, *folder.parents[:3]]:
            try:
                parent.rmdir()
            except OSError:
                return

    def tidy(self, spec: RunSpec) -> None:
        """Remove what a killed run left half written, and files that its record does not name.

        The caller holds the run's lock. Where a record that cannot be read was set aside, the
        files that it may name stay.
        """
        folder = self.folder(spec)
        remove_scratch(folder)
        try:
            record = self.find(spec)
        except RecordError:
            return
        if not any(folder.glob(f"{RECORD_FILE}.*")):
            remove_artifacts(folder, record)

    def paths(self) -> list[Path]:
        """Return the files of all records, sorted."""
        return sorted(self.root.glob(f"*/*/*/*/{RECORD_FILE}"))

    def scan(self) -> Iterator[StoredRecord | Unreadable]:
        """Yield every record with its folder; for one that cannot be read, the reason."""
        for path in self.paths():
            try:
                yield StoredRecord(read_record(path), path.parent)
            except RecordError as error:
                yield Unreadable(path, str(error))

    def by_run_id(self) -> dict[str, StoredRecord]:
        """Return every readable record by its run id; of copies, the first in order of paths."""
        found: dict[str, StoredRecord] = {}
        for item in self.scan():
            if isinstance(item, StoredRecord):
                found.setdefault(item.record.run_id, item)
        return found

    def by_id(self, text: str) -> StoredRecord:
        """Return the record whose run id begins so, or that lies at that path, and its folder.

        Raises:
            RecordError: none does, or more than one.
        """
        given = Path(text)
        for path in (given, given / RECORD_FILE):
            if path.is_file():
                return StoredRecord(read_record(path), path.parent)
        found = [path for path in self.paths() if path.parent.name.startswith(text)]
        if not found or not text:
            raise RecordError(
                f"{self.root}: no record whose run id begins with {text!r}; "
                "'unharness leaderboard --format json' lists them"
            )
        if len(found) > 1:
            ids = ", ".join(path.parent.name for path in found[:5])
            raise RecordError(f"{text!r} is the beginning of several run ids: {ids}")
        return StoredRecord(read_record(found[0]), found[0].parent)


def load_records(results: Path | str) -> list[RunRecord]:
    """Return all readable records under a results folder, in the order of their paths.

    Raises:
        RecordError: there is no such folder.
    """
    if not Path(results).is_dir():
        raise RecordError(f"{results}: no such folder of records")
    return [item.record for item in RecordStore(results).scan() if isinstance(item, StoredRecord)]


def read_record(path: Path) -> RunRecord:
    """Read one record.

    Raises:
        SchemaError: it is of another schema.
        RecordError: it cannot be read, is not as the schema says, or its run id is not that of its
            spec.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read ({error})") from error
    try:
        record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        if version := _other_version(error):
            raise SchemaError(
                f"{path}: schema version {version}, this unharness reads {SCHEMA_VERSION}; "
                "give another --results, or use the version of unharness that wrote it"
            ) from error
        raise RecordError(f"{path}: {_reason(error)}") from error
    if problem := problem_of(record):
        raise RecordError(f"{path}: {problem}")
    return record


def path_name(name: str) -> str:
    """Return a name that is safe as one component of a path, for a model's name, id or folder."""
    if Path(name).is_absolute() or name.startswith("."):
        name = Path(name).name
    plain = _PLAIN.sub("--", name).strip(".-")
    return plain[-LONGEST_NAME:].lstrip(".-") or "model"


def _other_version(error: ValidationError) -> str:
    """Return the schema version that a record names if it is not ours."""
    for problem in error.errors():
        if problem["loc"] == ("schema_version",) and problem["type"] == "literal_error":
            return str(problem["input"])[:LONGEST_NAME]
    return ""


def _reason(error: ValidationError) -> str:
    problems = error.errors()
    place = ".".join(str(part) for part in problems[0]["loc"])[:LONGEST_NAME]
    return f"not a record: {place + ': ' if place else ''}{problems[0]['msg']}"
