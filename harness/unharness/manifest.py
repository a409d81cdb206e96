"""Manifests: the size and SHA-256 of every file of a folder, and whether they still hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Files = Mapping[str, Mapping[str, Any]]
"""By path relative to the folder: `sha256` and `bytes`."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the size and SHA-256 of every file below a folder, by its relative path.

    Raises:
        OSError: a file cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": sha256_of(path),
            "bytes": path.stat().st_size,
        }
        for path in paths
    }


def total_bytes(files: Files) -> int:
    """Return the size of all files together."""
    return sum(int(facts["bytes"]) for facts in files.values())


def changed_file(folder: Path, files: Files, *, hashes: bool = True) -> str:
    """Return which file is no longer as the manifest says, and why; empty if all are.

    Sizes are compared first: a truncated file is found without reading the others.

    Args:
        folder: of the files.
        files: what they should be.
        hashes: whether contents are read and hashed; else sizes alone are compared.
    """
    for name, facts in files.items():
        if not {"sha256", "bytes"} <= facts.keys():
            return f"nothing says what {name} should hold: no SHA-256 and size are named"
        path = folder / name
        try:
            size = path.stat().st_size if path.is_file() else None
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
        if size is None:
            return f"{name} is missing"
        if size != facts["bytes"]:
            return f"{name} has {size} bytes instead of {facts['bytes']}"
    for name, facts in files.items() if hashes else ():
        try:
            if sha256_of(folder / name) != facts["sha256"]:
                return f"the content of {name} has changed (SHA-256)"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return ""
