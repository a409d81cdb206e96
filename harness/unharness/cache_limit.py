"""How much the cache keeps of weights that can be made anew: the least recently used go first."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from unharness.cache import MANIFEST_FILE, cache_dir, is_locked, size_of

LIMIT_VARIABLE = "UNHARNESS_CACHE_GB"
DEFAULT_LIMIT_GB = 20.0
UNLEARNED = "unlearned"
"""Weights that methods and attacks left, an entry a key."""
TRAININGS = "trainings"
"""States of trainings under way: a folder a training, in which each state is one by its step."""
ENTRIES = (f"{UNLEARNED}/[0-9a-f]*", f"{TRAININGS}/[0-9a-f]*/[0-9]*")


def make_room(keep: Path, limit_gb: float | None = None) -> None:
    """Remove the least recently used weights until the rest is within the limit.

    Args:
        keep: an entry that stays whatever its size.
        limit_gb: 1e9 bytes; None: `UNHARNESS_CACHE_GB`, or 20.
    """
    home = cache_dir()
    limit = (_limit_gb() if limit_gb is None else limit_gb) * 1e9
    found = [path for entry in ENTRIES for path in home.glob(f"{entry}/{MANIFEST_FILE}")]
    entries = [path.parent for path in sorted(found, key=_last_use)]
    sizes = {entry: size_of(entry) for entry in entries}
    total = sum(sizes.values())
    for entry, size in sizes.items():
        if total <= limit:
            return
        if entry == keep or is_locked(entry.parent / f".{entry.name}.lock"):
            continue
        shutil.rmtree(entry, ignore_errors=True)
        if entry.parent.parent.name == TRAININGS:
            with suppress(OSError):  # another state is in it
                entry.parent.rmdir()
        total -= size


def _last_use(manifest: Path) -> float:
    try:
        return manifest.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0


def _limit_gb() -> float:
    try:
        return float(os.environ.get(LIMIT_VARIABLE, DEFAULT_LIMIT_GB))
    except ValueError:
        return DEFAULT_LIMIT_GB
