"""The files beside a record, each named by its content.

A record is replaced in this order: new files are written under names of their own content, then
run.json, which names them, is replaced atomically, then files that it does not name are removed.
Whenever a writer is killed, a reader finds the old record with its files, or the new one with its.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from unharness.errors import RecordError
from unharness.manifest import changed_file, folder_files
from unharness.records.files import describe_file, whole_file, write_json_lines
from unharness.records.per_example import PerExample, to_bytes
from unharness.records.record import RunRecord

EXAMPLES_FILE = "examples.jsonl.gz"
"""What examples were called before they were named by content; read where a record names none."""
DIGITS = 12
"""Of the SHA-256, in a name."""
_FILES = re.compile(
    r"examples(-[0-9a-f]{12})?\.jsonl\.gz|per-example-[0-9a-f]{12}\.npz|observations-[0-9a-f]{12}\.zip"
)
_WEIGHTS = re.compile(r"weights(-[0-9a-f]{12})?")
_SCRATCH = re.compile(r"\.{1,2}(run\.json|examples|per-example|observations|weights)-.*")
_EXAMPLES_SCRATCH, _WEIGHTS_SCRATCH = ".examples-new", ".weights-new"
_OBSERVATIONS_SCRATCH, _NUMBERS_SCRATCH = ".observations-new", ".per-example-new"


def write_examples(folder: Path, rows: Iterable[Any]) -> dict[str, Any]:
    """Write a line for every example; return what the record says of the file.

    Raises:
        OSError: it cannot be written.
        ValueError: a row holds what JSON cannot.
    """
    scratch = folder / _EXAMPLES_SCRATCH
    try:
        write_json_lines(scratch, rows)
        return _named_by_content(scratch, "examples-{}.jsonl.gz")
    finally:
        scratch.unlink(missing_ok=True)


def write_per_example(folder: Path, numbers: PerExample) -> dict[str, Any]:
    """Write the numbers of every example; return what the record says of the file.

    Raises:
        OSError: it cannot be written.
    """
    scratch = folder / _NUMBERS_SCRATCH
    try:
        with whole_file(scratch) as handle:
            handle.write(to_bytes(numbers))
        return _named_by_content(scratch, "per-example-{}.npz")
    finally:
        scratch.unlink(missing_ok=True)


def write_observations(folder: Path, write: Callable[[IO[bytes]], None]) -> dict[str, Any]:
    """Write the file of observations; return what the record says of it.

    Args:
        folder: of the record.
        write: writes the content.

    Raises:
        OSError: it cannot be written.
    """
    scratch = folder / _OBSERVATIONS_SCRATCH
    try:
        with whole_file(scratch) as handle:
            write(handle)
        return _named_by_content(scratch, "observations-{}.zip")
    finally:
        scratch.unlink(missing_ok=True)


def _named_by_content(scratch: Path, name: str) -> dict[str, Any]:
    """Give a file its name, with the beginning of its SHA-256 in it; return what it is."""
    facts = describe_file(scratch, scratch.parent)
    facts["path"] = name.format(facts["sha256"][:DIGITS])
    scratch.rename(scratch.with_name(facts["path"]))
    return facts


def write_weights(folder: Path, save: Callable[[Path], None]) -> dict[str, Any]:
    """Write a folder of weights; return its `path` and, by name, the hashes of its `files`.

    Args:
        folder: of the record.
        save: writes the weights into the empty folder that it is given.

    Raises:
        OSError: they cannot be written.
    """
    scratch = folder / _WEIGHTS_SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        save(scratch)
        files = folder_files(scratch)
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        name = f"weights-{digest[:DIGITS]}"
        if not (folder / name).is_dir() or changed_file(folder / name, files):
            shutil.rmtree(folder / name, ignore_errors=True)  # damaged: of no use
            scratch.rename(folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {"path": name, "files": files}


def examples_path(record: RunRecord, folder: Path) -> Path | None:
    """Return where a record's examples should lie; None where it has none."""
    if "examples" in record.artifacts:
        return folder / str(record.artifacts["examples"]["path"])
    plain = folder / EXAMPLES_FILE
    return plain if plain.is_file() else None


def verified_examples(record: RunRecord, folder: Path) -> bytes:
    """Return the content of a record's examples, gzip.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not the one that the record names.
    """
    content = (examples_path(record, folder) or folder / EXAMPLES_FILE).read_bytes()
    named = record.artifacts.get("examples", {}).get("sha256")
    if named is not None and hashlib.sha256(content).hexdigest() != named:
        raise ValueError("its SHA-256 is not the one in run.json; run it again with --force")
    return content


def weights_problem(record: RunRecord, folder: Path) -> str:
    """Return in what way a record's weights are not those that it names; empty if they are.

    Weights of records that name no files are checked by their tensors, once they are loaded.
    """
    facts = record.artifacts["weights"]
    return changed_file(folder / str(facts["path"]), facts.get("files") or {})


def observations_path(record: RunRecord, folder: Path) -> Path | None:
    """Return where a record's observations lie; None where it has none.

    Raises:
        RecordError: the file is missing, or is not the one that the record names.
    """
    facts = record.artifacts.get("observations")
    if facts is None:
        return None
    path = folder / Path(str(facts["path"])).name
    if problem := changed_file(folder, {path.name: facts}):
        raise RecordError(f"{folder}: {problem}; run it again with --force")
    return path


def is_data_file(name: str) -> bool:
    """Return whether a file's name is one that examples or observations may have."""
    return _FILES.fullmatch(name) is not None


def is_scratch(name: str) -> bool:
    """Return whether a file's name is one of ours while it is being written."""
    return _SCRATCH.fullmatch(name) is not None


def remove_artifacts(folder: Path, keep: Iterable[RunRecord]) -> None:
    """Remove examples and weights that none of the records names."""
    named: set[str] = set()
    for record in keep:
        named |= {str(facts.get("path")) for facts in record.artifacts.values()}
        if "examples" not in record.artifacts:
            named.add(EXAMPLES_FILE)
    for path in folder.glob("*"):
        if (is_data_file(path.name) or _WEIGHTS.fullmatch(path.name)) and path.name not in named:
            remove(path)


def remove_scratch(folder: Path) -> None:
    """Remove incomplete files of a killed run; the caller holds the run's lock."""
    for path in folder.glob(".*"):
        if is_scratch(path.name):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
