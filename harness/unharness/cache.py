"""The content-addressed cache: what is expensive to make is made once, by one process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE_VARIABLE = "UNHARNESS_CACHE"
WAIT_SECONDS = 1.0
"""Before the user is told that another process is being waited for."""


def cache_dir() -> Path:
    """Return the folder of the cache: `UNHARNESS_CACHE`, or the user's own cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("unharness")


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold a lock while the block lasts; `on_wait` is told if another process has it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        on_wait("another process is at the same work; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether another process holds a lock."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def cache_folder(kind: str, key: str) -> Path:
    """Return where a key's folder is, or will be."""
    return cache_dir() / kind / key


def cached_folder(
    kind: str,
    key: str,
    build: Callable[[Path], None],
    on_wait: Callable[[str], None] = lambda text: None,
) -> tuple[Path, bool]:
    """Return the folder of `key`, and whether it was there already.

    `build` fills an empty folder, which takes its place only when it is complete. Two processes
    that want the same key at once build it once: the second waits for the first.

    Args:
        kind: what is kept, a plain name such as `targets`.
        key: a hexadecimal hash of everything that decides the content.
        on_wait: told, in words, if the second process has to wait.
    """
    target = cache_folder(kind, key)
    home = target.parent
    if target.is_dir():
        return target, True
    with locked(home / f".{key}.lock", on_wait):
        if target.is_dir():
            return target, True
        for left in home.glob(f".{key}-*"):  # of a build that was killed: nobody else is at it
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(dir=home, prefix=f".{key}-"))
        try:
            build(scratch)
            scratch.rename(target)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return target, False
