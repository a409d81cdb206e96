"""The folder of records: `<results>/<task>/<model>/<method>/<run id>/run.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from unharness.errors import RecordError, SchemaError, refused_place
from unharness.records import schema1
from unharness.records.artifacts import EXAMPLES_FILE as EXAMPLES_FILE
from unharness.records.artifacts import remove_artifacts, remove_scratch
from unharness.records.check import SPEC_CHANGED, id_problem, problem_of
from unharness.records.files import write_json
from unharness.records.record import SCHEMA_VERSION, RunRecord
from unharness.records.run_file import RunFile, file_of
from unharness.records.spec import RunSpec

RECORD_FILE = "run.json"
LOCKS_FOLDER = ".locks"
LONGEST_NAME = 100
_PARAMETERS = re.compile(r"[^A-Za-z0-9._=,+-]+")
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
        parts = [task_folder(spec.task), path_name(spec.model), spec.method, spec.run_id()]
        return self.root.joinpath(*parts)

    def save(self, record: RunRecord) -> Path:
        """Write a record whole, beside other evaluations of its run, and return its file.

        The caller holds the run's lock.

        Raises:
            RecordError: it cannot be written.
        """
        path = self.folder(record.spec) / RECORD_FILE
        content = file_of(record)
        with suppress(RecordError):  # there is none, or none that can be kept
            content = read_file(path).with_record(record)
        try:
            write_json(path, content.model_dump(mode="json"))
        except (OSError, ValueError) as error:  # ValueError: a number that is none, in JSON's eyes
            raise RecordError(f"{path}: the record cannot be written ({error})") from error
        return path

    def find(self, spec: RunSpec) -> RunRecord | None:
        """Return the record of a run that was observed as the spec says, if there is one.

        Raises:
            SchemaError, RecordError: there is a file that cannot be read.
        """
        path = self.folder(spec) / RECORD_FILE
        wanted = spec.evaluation_id()
        records = read_records(path) if path.is_file() else []
        return next((one for one in records if one.spec.evaluation_id() == wanted), None)

    def lock(self, spec: RunSpec) -> Path:
        """Return the lock file of a run: one for all attacks on the same unlearned weights.

        It lies in the folder of records itself, so that it holds for every machine that uses it.
        """
        return self.root / LOCKS_FOLDER / f"{spec.unattacked_id()}.lock"

    def discard(self, spec: RunSpec) -> None:
        """Remove what an interrupted run left, and the folders it leaves empty; nothing else.

        Other evaluations of the same run stay.
        """
        folder = self.folder(spec)
        try:
            left = read_file(folder / RECORD_FILE).without(spec.evaluation_id())
        except RecordError:
            left = None
        if left is not None:
            write_json(folder / RECORD_FILE, left.model_dump(mode="json"))
            remove_artifacts(folder, left.records())
            return
        (folder / RECORD_FILE).unlink(missing_ok=True)  # first: it names the others
        remove_artifacts(folder, ())
        for parent in [folder, *folder.parents[:3]]:
            try:
                parent.rmdir()
            except OSError:
                return

    def tidy(self, spec: RunSpec) -> None:
        """Remove incomplete files of a killed run, and files that its record does not name.

        The caller holds the run's lock. Where a record that cannot be read was set aside, the
        files that it may name stay.
        """
        folder = self.folder(spec)
        remove_scratch(folder)
        path = folder / RECORD_FILE
        try:
            records = read_records(path) if path.is_file() else []
        except RecordError:
            return
        if not any(folder.glob(f"{RECORD_FILE}.*")):
            remove_artifacts(folder, records)

    def paths(self) -> list[Path]:
        """Return the files of all records, sorted."""
        return sorted(self.root.glob(f"*/*/*/*/{RECORD_FILE}"), key=attrgetter("parts"))

    def origin(self, folder: Path) -> str:
        """Return where a record's folder is from; empty for records of this store's own folder."""
        return ""

    def scan(self) -> Iterator[StoredRecord | Unreadable]:
        """Yield every record with its folder; for one that cannot be read, the reason."""
        for path in self.paths():
            try:
                for record in read_records(path):
                    yield StoredRecord(record, path.parent)
            except RecordError as error:
                yield Unreadable(path, str(error))

    def by_evaluation(self) -> dict[str, dict[str, StoredRecord]]:
        """Return every readable record by how it was observed, and then by its run id.

        Of copies, the first in the order of paths.
        """
        found: dict[str, dict[str, StoredRecord]] = {}
        for item in self.scan():
            if isinstance(item, StoredRecord):
                alike = found.setdefault(item.record.spec.evaluation_id(), {})
                alike.setdefault(item.record.run_id, item)
        return found

    def readable(self) -> list[StoredRecord]:
        """Return every readable record, copies left out."""
        return [item for alike in self.by_evaluation().values() for item in alike.values()]

    def by_id(self, text: str) -> StoredRecord:
        """Return the record whose run id begins so, or that lies at that path, and its folder.

        Of several evaluations of one run, the one that was finished last.

        Raises:
            RecordError: none does, or more than one.
        """
        given = Path(text)
        for path in (given, given / RECORD_FILE):
            if path.is_file():
                return StoredRecord(_latest(read_records(path)), path.parent)
        found = [path for path in self.paths() if path.parent.name.startswith(text)]
        if not found or not text:
            raise RecordError(
                f"{self.root}: no record whose run id begins with {text!r}; "
                "'unharness leaderboard --format json' lists them"
            )
        if len(found) > 1:
            folders = ", ".join(str(path.parent) for path in found[:5])
            raise RecordError(
                f"{text!r} is the beginning of several run ids; name one by its folder: {folders}"
            )
        return StoredRecord(_latest(read_records(found[0])), found[0].parent)


def read_records(path: Path) -> list[RunRecord]:
    """Read every evaluation that a file holds; one of the first edition holds one.

    Raises:
        SchemaError: it is of a schema that this version does not know.
        RecordError: it cannot be read, is not as the schema says, or its ids are not those of its
            specs.
    """
    text = _text(path)
    try:
        content = RunFile.model_validate_json(text)
    except ValidationError as error:
        if _version_named(error) != schema1.VERSION:
            raise _refused(path, error) from error
        records = [_first_edition(path, text)]
    else:
        records = _evaluations(path, content)
    for record in records:
        if problem := problem_of(record, text):
            raise RecordError(f"{path}: {problem}")
    return records


def read_file(path: Path) -> RunFile:
    """Read a file of today's schema.

    Raises:
        SchemaError, RecordError: as `read_records`.
    """
    try:
        return RunFile.model_validate_json(_text(path))
    except ValidationError as error:
        raise _refused(path, error) from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read ({error})") from error


def _evaluations(path: Path, content: RunFile) -> list[RunRecord]:
    """Return one record per evaluation.

    Raises:
        RecordError: a record is not as the schema says, or its ids do not match its spec.
    """
    try:
        records = content.records()
    except ValidationError as error:
        raise RecordError(f"{path}: not a record: {refused_place(error)}") from error
    for key, record in zip(content.evaluations, records, strict=True):
        if problem := id_problem(record, key):
            raise RecordError(f"{path}: {problem}")
    return records


def _refused(path: Path, error: ValidationError) -> RecordError:
    """Return the error for a file that does not match the current schema."""
    version = _version_named(error)
    if version is None:
        return RecordError(f"{path}: not a record: {refused_place(error)}")
    return SchemaError(
        f"{path}: schema version {str(version)[:LONGEST_NAME]}, this unharness reads "
        f"{SCHEMA_VERSION}; give another --results, or use the version of unharness that wrote it"
    )


def _first_edition(path: Path, text: str) -> RunRecord:
    try:
        value = json.loads(text)
        if schema1.run_id_of(value["spec"]) != value["run_id"]:
            raise RecordError(f"{path}: {SPEC_CHANGED}")
        return RunRecord.model_validate(schema1.in_todays_terms(value))
    except ValidationError as error:
        raise RecordError(f"{path}: not a record: {refused_place(error)}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:LONGEST_NAME]
        raise RecordError(f"{path}: not a record of schema 1 ({reason})") from error


def _latest(records: list[RunRecord]) -> RunRecord:
    return max(records, key=lambda record: record.finished or record.started)


def path_name(name: str) -> str:
    """Return a name that is safe as one component of a path, for a model's name, id or folder."""
    if Path(name).is_absolute() or name.startswith("."):
        name = Path(name).name
    plain = _PLAIN.sub("--", name).strip(".-")
    return plain[-LONGEST_NAME:].lstrip(".-") or "model"


def shown_model(name: str) -> str:
    """Return a model's name for others: of a folder its last part, not where it lies."""
    if Path(name).is_absolute() or name.startswith((".", "~")):
        return Path(name).name or "model"
    return name


def task_folder(task: str) -> str:
    """Return the folder of a task's records: one component of a path, on any file system.

    It is the name itself without parameters, else `NAME-PARAMETER=VALUE,…`, in which what no file
    system may be given, or what is too long, is replaced by a hash.
    """
    name, mark, parameters = task.partition(":")
    if not mark:
        return task
    text = f"{name}-{_PARAMETERS.sub('_', parameters)}"
    if text == f"{name}-{parameters}" and len(text) <= LONGEST_NAME:
        return text
    digest = hashlib.sha256(task.encode()).hexdigest()[:8]
    return f"{text[:LONGEST_NAME]}-{digest}"


def _version_named(error: ValidationError) -> Any:
    """Return the schema version that a file names if it is not ours; None if it names none."""
    for problem in error.errors():
        if problem["loc"] == ("schema_version",) and problem["type"] == "literal_error":
            return problem["input"]
    return None
