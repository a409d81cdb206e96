"""Writing whole files, or nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when the block ends well, flushed to disk.

    Raises:
        OSError: it cannot be written; what stood there before still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    # Not mkstemp, whose mode of 0600 would hide the file from a colleague: the system applies the
    # umask, which belongs to all threads and cannot be read without changing it.
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(scratch, path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    with whole_file(path) as handle:
        handle.write(
            json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        )


def write_json_lines(path: Path, rows: Iterable[Any]) -> int:
    """Write a gzip file, a JSON value a line; equal rows give equal bytes. Return how many."""
    count = 0
    with (
        whole_file(path) as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as handle,
    ):
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            count += 1
    return count


def read_json_lines(path: Path) -> Iterator[Any]:
    """Yield the values of such a file."""
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            yield json.loads(line)


def describe_file(path: Path, relative_to: Path) -> dict[str, Any]:
    """Return a file's path, SHA-256 and size in bytes."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    name = str(path.relative_to(relative_to))
    return {"path": name, "sha256": digest, "bytes": path.stat().st_size}
