"""The content-addressed cache: what is expensive to make is made once, by one process.

Every entry holds a manifest with the SHA-256 of its files, which is checked whenever the entry is
used; a damaged entry is removed and made anew.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unharness.errors import UnharnessError
from unharness.manifest import Files, changed_file, folder_files, total_bytes

CACHE_VARIABLE = "UNHARNESS_CACHE"
WAIT_SECONDS = 1.0
"""Before the user is told that another process is being waited for."""
MANIFEST_FILE = "manifest.json"
LARGE_BYTES = 4 * 10**9
"""From this size on, the user is told that an entry is being checked: it takes seconds."""


def cache_dir() -> Path:
    """Return the folder of the cache: `UNHARNESS_CACHE`, or the user's own cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("unharness")


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold a lock while the block lasts; `on_wait` is told if another process has it.

    The lock file stays: removing it could split waiting processes over two files.

    Raises:
        UnharnessError: the lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            on_wait("another process is at the same work; waiting for it")
            lock.acquire()
    except OSError as error:
        raise UnharnessError(f"{path.parent}: cannot be written ({error})") from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether another process holds a lock."""
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
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
    on_note: Callable[[str], None] = lambda text: None,
) -> tuple[Path, bool]:
    """Return the folder of `key`, and whether it was there already.

    `build` fills an empty folder, which takes its place only when it is complete. Two processes
    that want the same key at once build it once: the second waits for the first. An entry whose
    files are not those of its manifest is removed and built anew.

    Args:
        kind: what is kept, a plain name such as `targets`.
        key: a hexadecimal hash of everything that decides the content.
        on_note: told, in words, of a wait, of a long check, and of a damaged entry.
    """
    target = cache_folder(kind, key)
    home = target.parent
    if os.path.lexists(target) and not damage(target, on_note):
        mark_used(target)
        return target, True
    with locked(home / f".{key}.lock", on_note):
        if os.path.lexists(target):
            found = damage(target)
            if not found:
                return target, True
            on_note(f"{target}: {found}; the cached {kind} entry is made anew")
            target.rename(home / f".{key}-damaged-{os.getpid()}")
        for left in home.glob(f".{key}-*"):  # damaged, or of a build that was killed
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        fill_folder(target, build)
    return target, False


def fill_folder(target: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill an empty folder; complete and with a manifest, it takes its place.

    Args:
        target: its place, where nothing may be; its parent exists.
        build: what fills the folder that it is given.
    """
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        build(scratch)
        _write_manifest(scratch)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def mark_used(entry: Path) -> None:
    """Note on the disk that an entry is used now; a cache that cannot be written stays as it is."""
    with suppress(OSError):
        os.utime(entry / MANIFEST_FILE)


def damage(
    entry: Path, on_note: Callable[[str], None] = lambda text: None, *, hashes: bool = True
) -> str:
    """Return in what way an entry of the cache is not what was built; empty if it is.

    All of its files are read and hashed, at about a second for a gigabyte.

    Args:
        entry: its folder.
        on_note: told of a long check.
        hashes: False compares sizes alone, and reads nothing.
    """
    try:
        files: Files = json.loads((entry / MANIFEST_FILE).read_bytes())["files"]
        size = total_bytes(files)
        whole = all(isinstance(facts["sha256"], str) for facts in files.values())
    except FileNotFoundError:
        return f"{MANIFEST_FILE} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        return f"{MANIFEST_FILE} cannot be read"
    if hashes and size >= LARGE_BYTES:
        on_note(f"checking {size / 1e9:.0f} GB in {entry}")
    return changed_file(entry, files, hashes=hashes)


def _write_manifest(folder: Path) -> None:
    content = json.dumps({"files": folder_files(folder)}, indent=1)
    (folder / MANIFEST_FILE).write_text(content, encoding="utf-8")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; what is gone does not count."""
    total = 0
    with suppress(OSError):  # another process removes the folder
        for one in [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]:
            with suppress(OSError):
                total += 0 if one.is_dir() else one.lstat().st_size
    return total
