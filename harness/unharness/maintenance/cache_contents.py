"""What lies in the cache: entries by room, and what dead processes left."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from unharness.cache import MANIFEST_FILE, cache_dir, is_locked, size_of
from unharness.engines.vllm import scratch

ROOMS: Mapping[str, str] = {
    "models": "target and retrained models that were trained here",
    "unlearned": "what methods and attacks made of a target",
    "trainings": "states of trainings that were interrupted, or run",
    "pretrained": "pretrained models, fetched and converted",
    "data": "data sets, fetched from the hub",
    "own_answers": "answers of a target that methods asked for",
    "suites": "which tasks a suite stands for",
    "suite_tasks": "definitions of suites, written for lm-eval",
    "hashes": "hashes of large files",
    "logs": "logs of worker and engine processes that failed or run",
    "scratch": "weights on their way to vLLM",
}
"""By name, what a room holds. Others that lie there, of older versions, are listed as well."""
KEY = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r"\.([0-9a-f]{64})-(?!.*\.lock$).+")
_UNWRITTEN = re.compile(r"\.(new-.+|.+-[0-9a-f]{16})")
_WORKER_LOG = re.compile(r"worker-(\d+)-\d+\.log")
SETTLED_S = 3600.0
"""What has no lock is left alone for so long: a process may be at it."""
LOG_S = 7 * 86400.0
"""How long logs are of interest."""
CLOCK_S = 2.0
"""Times of processes and of files may differ by so much."""


@dataclass(frozen=True)
class CacheEntry:
    """One thing that can be made anew, or fetched again."""

    room: str
    path: Path
    bytes: int
    used: float
    """When it was last used, as far as the disk tells, in seconds since 1970."""

    @property
    def is_addressed(self) -> bool:
        """Whether it is a folder that is named by a hash, and so has a manifest."""
        return self.path.is_dir() and KEY.fullmatch(self.path.name) is not None

    @property
    def locks(self) -> tuple[Path, ...]:
        """What is held by a process that makes or uses it."""
        names = (f".{self.path.name}.lock", f".{self.path.name}.use.lock")
        return tuple(self.path.with_name(name) for name in names)

    @property
    def in_use(self) -> bool:
        """Whether a running process holds one of its locks, or writes the log."""
        if self.room == "logs":
            return _is_of_a_running_process(self.path)
        if self.room == "scratch":
            return _is_flocked(self.path / scratch.LOCK)
        return any(is_locked(lock) for lock in self.locks)


@dataclass(frozen=True)
class Leftover:
    """Something of a process that is gone; nothing will use it."""

    path: Path
    what: str
    bytes: int


def room_names(root: Path | None = None) -> list[str]:
    """Return the rooms that are there: the known ones in their order, then others."""
    root = root or cache_dir()
    try:
        there = {path.name for path in root.iterdir() if path.is_dir()}
    except OSError:
        return []
    return [name for name in ROOMS if name in there] + sorted(there - set(ROOMS))


def cache_entries(room: str | None = None, root: Path | None = None) -> list[CacheEntry]:
    """Return what lies in a room, or in all, least recently used first."""
    root = root or cache_dir()
    rooms = room_names(root) if room is None else [room]
    found = [entry for name in rooms for entry in _entries(root / name)]
    return sorted(found, key=lambda entry: entry.used)


def leftovers(root: Path | None = None) -> list[Leftover]:
    """Return what dead processes left: unfinished and damaged entries, locks, logs, scratch.

    Without `root` also the weights that engines left in memory, outside of the cache.
    """
    found = [] if root else list(_left_in_memory(scratch.MEMORY))
    root = root or cache_dir()
    return [*found, *(one for name in room_names(root) for one in _leftovers(root / name))]


def _entries(room: Path) -> Iterator[CacheEntry]:
    for path in _members(room):
        if not path.name.startswith(".") and path.suffix != ".lock":
            with suppress(OSError):  # another process removed it
                yield CacheEntry(room.name, path, size_of(path), _last_use(path))


def _members(room: Path) -> list[Path]:
    try:
        return sorted(room.iterdir())
    except OSError:
        return []


def _last_use(path: Path) -> float:
    """Return when an entry was last used: its manifest is touched then, a note is read."""
    with suppress(OSError):
        return (path / MANIFEST_FILE).stat().st_mtime
    facts = path.stat()
    return facts.st_mtime if path.is_dir() else max(facts.st_mtime, facts.st_atime)


def _leftovers(room: Path) -> Iterator[Leftover]:
    for path in _members(room):
        with suppress(OSError):
            if what := _what_is_left(path, room.name):
                yield Leftover(path, what, size_of(path))


def _left_in_memory(folder: Path) -> Iterator[Leftover]:
    """Yield the weights that engines left in a folder that many programs use."""
    for path in sorted(folder.glob(f"{scratch.PREFIX}*")):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid() and (what := _what_is_left(path, "scratch")):
                yield Leftover(path, what, size_of(path))


def _what_is_left(path: Path, room: str) -> str:
    """Return what a path is that nothing will use; empty if something may."""
    name, age = path.name, time.time() - path.lstat().st_mtime
    if room == "logs":
        old = age > LOG_S and not _is_of_a_running_process(path)
        return "an old log" if old else ""
    if room == "scratch":
        lock = path / scratch.LOCK
        free = lock.exists() and not _is_flocked(lock)
        return "weights for an engine that is gone" if free else ""
    if name.endswith(".lock"):
        key = name.removesuffix(".lock").removesuffix(".use").removeprefix(".")
        unused = age > SETTLED_S and not path.with_name(key).exists() and not is_locked(path)
        return "a lock of nothing" if unused else ""
    if found := _UNFINISHED.fullmatch(name):
        if is_locked(path.with_name(f".{found[1]}.lock")):
            return ""
        return "a damaged entry" if "-damaged-" in name else "an unfinished entry"
    if _UNWRITTEN.fullmatch(name) and age > SETTLED_S:
        return "an unfinished file"
    return ""


def _is_of_a_running_process(log: Path) -> bool:
    """Whether a worker's log is of a process that runs; numbers of processes are given anew."""
    found = _WORKER_LOG.fullmatch(log.name)
    if found is None:
        return False
    try:
        began: float = psutil.Process(int(found[1])).create_time()
        return began <= log.stat().st_ctime + CLOCK_S
    except (psutil.Error, OSError, OverflowError):
        return False


def _is_flocked(path: Path) -> bool:
    """Whether a process holds a lock on a file; False where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)
