"""The folder of records: `<results>/<task>/<model>/<method>/<run id>/run.json`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from unharness.errors import RecordError, SchemaError
from unharness.records.check import problem_of
from unharness.records.files import write_json
from unharness.records.record import SCHEMA_VERSION, RunRecord
from unharness.spec import RunSpec

RECORD_FILE = "run.json"
EXAMPLES_FILE = "examples.jsonl.gz"
WEIGHTS_FOLDER = "weights"
LONGEST_NAME = 100
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read, and why. It is never deleted."""

    path: Path
    reason: str


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

    def discard(self, spec: RunSpec) -> None:
        """Remove what an interrupted run left, and the folders it leaves empty; nothing else."""
        folder = self.folder(spec)
        for name in (RECORD_FILE, EXAMPLES_FILE):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / WEIGHTS_FOLDER, ignore_errors=True)
        for parent in [folder, *folder.parents[:3]]:
            try:
                parent.rmdir()
            except OSError:
                return

    def tidy(self, spec: RunSpec) -> None:
        """Remove half-written files that a killed run left; whoever asks holds the run's lock."""
        for left in self.folder(spec).glob(".*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def paths(self) -> list[Path]:
        """Return the files of all records, sorted."""
        return sorted(self.root.glob(f"*/*/*/*/{RECORD_FILE}"))

    def scan(self) -> Iterator[RunRecord | Unreadable]:
        """Yield every record; for one that cannot be read, the reason."""
        for path in self.paths():
            try:
                yield read_record(path)
            except RecordError as error:
                yield Unreadable(path, str(error))

    def by_id(self, text: str) -> tuple[RunRecord, Path]:
        """Return the record whose run id begins so, or that lies at that path, and its folder.

        Raises:
            RecordError: none does, or more than one.
        """
        given = Path(text)
        for path in (given, given / RECORD_FILE):
            if path.is_file():
                return read_record(path), path.parent
        found = [path for path in self.paths() if path.parent.name.startswith(text)]
        if not found or not text:
            raise RecordError(
                f"{self.root}: no record whose run id begins with {text!r}; "
                "'unharness leaderboard --format json' lists them"
            )
        if len(found) > 1:
            ids = ", ".join(path.parent.name for path in found[:5])
            raise RecordError(f"{text!r} is the beginning of several run ids: {ids}")
        return read_record(found[0]), found[0].parent


def load_records(results: Path | str) -> list[RunRecord]:
    """Return all readable records under a results folder, in the order of their paths."""
    return [item for item in RecordStore(results).scan() if isinstance(item, RunRecord)]


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
