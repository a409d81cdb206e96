"""Hashes of large files, remembered as long as the files stay untouched."""

from __future__ import annotations

import time
from pathlib import Path

from unharness.manifest import sha256_of
from unharness.records.notes import recall, remember

KIND = "hashes"
SMALLEST = 1 << 20
"""In bytes: smaller files are hashed as fast as a note is read."""
SETTLED_S = 2.0
"""A file changed this recently may change again within the clock's resolution."""


def remembered_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, from a note if the file is as it was then.

    Size, times of modification and of change, and inode must be the same. What must notice
    damage to a disk hashes the content itself (`manifest.sha256_of`).

    Raises:
        OSError: it cannot be read.
    """
    path = path.resolve()
    state = _state(path)
    if int(state["bytes"]) < SMALLEST:
        return sha256_of(path)
    known = recall(KIND, state)
    if isinstance(known, str):
        return known
    found = sha256_of(path)
    age = time.time() - path.stat().st_ctime
    if _state(path) == state and age > SETTLED_S:
        remember(KIND, state, found)
    return found


def _state(path: Path) -> dict[str, str | int]:
    facts = path.stat()
    return {
        "path": str(path),
        "bytes": facts.st_size,
        "modified_ns": facts.st_mtime_ns,
        "changed_ns": facts.st_ctime_ns,
        "inode": facts.st_ino,
    }
