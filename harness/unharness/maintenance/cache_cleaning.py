"""Removing from the cache what is not in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from unharness.maintenance.cache_contents import CacheEntry, Leftover


def remove_entry(entry: CacheEntry) -> bool:
    """Remove an entry, unless a running process makes or uses it.

    Its locks are held meanwhile, so that no process finds half of it.

    Returns:
        Whether it is gone.
    """
    if entry.in_use:
        return False
    if entry.room in ("logs", "scratch"):
        return remove_path(entry.path)
    if not entry.path.is_dir():  # notes and single files appear and disappear whole
        return remove_path(entry.path)
    with _try_locks(entry.locks) as held:
        if not held:
            return False
        aside = entry.path.with_name(f".{entry.path.name}-removed-{os.getpid()}")
        try:
            entry.path.rename(aside)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return remove_path(aside)


def remove_leftovers(found: Iterable[Leftover]) -> list[Leftover]:
    """Remove what dead processes left; return those that are gone."""
    return [one for one in found if remove_path(one.path)]


def remove_path(path: Path) -> bool:
    """Remove a file or a folder; return whether it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return False
    return not os.path.lexists(path)


@contextmanager
def _try_locks(paths: Sequence[Path]) -> Iterator[bool]:
    """Hold locks while the block lasts; yield whether they are all held, without waiting."""
    from filelock import FileLock, Timeout

    with ExitStack() as stack:
        try:
            for path in paths:
                stack.enter_context(FileLock(path, timeout=0))
            held = True
        except (Timeout, OSError):
            held = False
        yield held
