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
from typing import Any

from unharness.manifest import changed_file, folder_files
from unharness.records.files import describe_file, write_json_lines
from unharness.records.record import RunRecord

EXAMPLES_FILE = "examples.jsonl.gz"
"""What examples were called before they were named by content; read where a record names none."""
DIGITS = 12
"""Of the SHA-256, in a name."""
_OURS = re.compile(r"examples(-[0-9a-f]{12})?\.jsonl\.gz|weights(-[0-9a-f]{12})?")
_SCRATCH = re.compile(r"\.{1,2}(run\.json|examples|weights)-.*")
_EXAMPLES_SCRATCH, _WEIGHTS_SCRATCH = ".examples-new", ".weights-new"


def write_examples(folder: Path, rows: Iterable[Any]) -> dict[str, Any]:
    """Write a line for every example; return what the record says of the file.

    Raises:
        OSError: it cannot be written.
        ValueError: a row holds what JSON cannot.
    """
    scratch = folder / _EXAMPLES_SCRATCH
    try:
        write_json_lines(scratch, rows)
        facts = describe_file(scratch, folder)
        name = f"examples-{facts['sha256'][:DIGITS]}.jsonl.gz"
        scratch.rename(folder / name)
    finally:
        scratch.unlink(missing_ok=True)
    return facts | {"path": name}


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
            shutil.rmtree(folder / name, ignore_errors=True)  # damaged: nobody can use it
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


def is_examples(name: str) -> bool:
    """Return whether a file's name is one that examples may have."""
    return _OURS.fullmatch(name) is not None and name.startswith("examples")


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
        if _OURS.fullmatch(path.name) and path.name not in named:
            remove(path)


def remove_scratch(folder: Path) -> None:
    """Remove what a killed run left half written; the caller holds the run's lock."""
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
