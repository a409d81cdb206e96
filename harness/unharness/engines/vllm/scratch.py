"""A folder for weights on their way to vLLM, in memory where there is room."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import IO

import psutil

from unharness.cache import cache_dir

MEMORY = Path("/dev/shm")  # noqa: S108
PREFIX, LOCK = "unharness-vllm-", ".lock"
SPARE = 3
"""Times the weights' size: two sets of them, the old and the new, and as much again for others."""


class Scratch:
    """Removed when it is closed or forgotten; one left by a killed process, by the next."""

    def __init__(self, size: int) -> None:
        root = _root(size)
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        lock = (self.path / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._end = weakref.finalize(self, _remove, self.path, lock, os.getpid())

    def keep(self, kind: str, name: str) -> None:
        """Remove every other folder of a kind: those whose name begins with that word."""
        for folder in self.path.glob(f"{kind}-*"):
            if folder.name != name:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove it all."""
        self._end()


def _remove(path: Path, lock: IO[str], owner: int) -> None:
    if os.getpid() == owner:  # not in a fork of the owner
        shutil.rmtree(path, ignore_errors=True)
        lock.close()


def _root(size: int) -> Path:
    on_disk = cache_dir() / "scratch"
    if not os.access(MEMORY, os.W_OK):
        return on_disk
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return MEMORY if room > SPARE * size else on_disk


def _sweep(root: Path) -> None:
    """Remove what killed processes left: folders whose lock is free."""
    for folder in root.glob(PREFIX + "*"):
        try:
            with (folder / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, just being made, or somebody else's
            continue
