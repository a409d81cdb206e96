"""Checks of what lies elsewhere: the hub, the cache, the disk, the folder of records."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from unharness.cache import cache_dir
from unharness.hub import REACH_SECONDS, is_offline
from unharness.maintenance.cache_check import entry_problem
from unharness.maintenance.cache_contents import cache_entries, leftovers
from unharness.maintenance.doctor import Finding, Surroundings

GB = 1e9
LITTLE_GB, TOO_LITTLE_GB = 10.0, 1.0
"""Of free disk: a warning, an error."""
MANY_LEFTOVERS = 1e9
"""Bytes of dead processes from which on it is a warning."""
ENDPOINT_VARIABLE = "HF_ENDPOINT"
ENDPOINT = "https://huggingface.co"
_FAILING = 500


def hub(surroundings: Surroundings) -> Iterator[Finding]:
    """Ask the Hugging Face hub whether it is there, once and briefly."""
    import httpx

    if is_offline():
        yield Finding("ok", "not asked: HF_HUB_OFFLINE is set")
        return
    endpoint = os.environ.get(ENDPOINT_VARIABLE) or ENDPOINT
    reason = ""
    try:
        answer = httpx.head(endpoint, timeout=REACH_SECONDS, follow_redirects=False)
        if answer.status_code >= _FAILING:
            reason = f"it answers {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        reason = type(error).__name__
    if not reason:
        yield Finding("ok", f"{endpoint} answers")
        return
    yield Finding(
        "warning",
        f"{endpoint} cannot be reached ({reason}): only what is local or in its cache can be used",
        "export HF_HUB_OFFLINE=1",
    )


def cache(surroundings: Surroundings) -> Iterator[Finding]:
    """Look for damaged entries, by names and sizes, and for what dead processes left."""
    root = cache_dir()
    entries = cache_entries()
    size = sum(entry.bytes for entry in entries)
    yield Finding("ok", f"{root}: {len(entries)} entries, {size / GB:.1f} GB")
    damaged = [
        f"{entry.room}/{entry.path.name[:16]} ({problem})"
        for entry in entries
        if not entry.in_use and (problem := entry_problem(entry, hashes=False))
    ]
    if damaged:
        yield Finding(
            "warning",
            f"{len(damaged)} damaged, made anew when needed: {'; '.join(damaged[:3])}",
            "unharness cache verify --fix",
        )
    waste = sum(one.bytes for one in leftovers())
    if waste > MANY_LEFTOVERS:
        yield Finding(
            "warning", f"dead processes left {waste / GB:.1f} GB", "unharness cache clear --yes"
        )
    if problem := _not_writable(root):
        yield Finding("error", f"{root}: {problem}", "export UNHARNESS_CACHE=FOLDER")


def disk(surroundings: Surroundings) -> Iterator[Finding]:
    """Look at the free disk of the cache and of the results."""
    seen: set[int] = set()
    for what, path in (("the cache is", cache_dir()), ("results are", surroundings.results)):
        place = _nearest(path)
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(place).free
        text = f"{free / GB:.1f} GB free where {what}"
        if free < TOO_LITTLE_GB * GB:
            yield Finding("error", text, "unharness cache clear --older-than 7d")
        elif free < LITTLE_GB * GB:
            yield Finding("warning", text, "unharness cache clear --older-than 30d")
        else:
            yield Finding("ok", text)


def results(surroundings: Surroundings) -> Iterator[Finding]:
    """See whether records can be written."""
    folder = surroundings.results
    if folder.exists() and not folder.is_dir():
        yield Finding(
            "error",
            f"{folder} is a file, not a folder of records",
            "export UNHARNESS_RESULTS=FOLDER",
        )
    elif problem := _not_writable(folder):
        yield Finding("error", f"{folder}: {problem}", "export UNHARNESS_RESULTS=FOLDER")
    else:
        there = "can be written" if folder.is_dir() else "is made by the first run"
        yield Finding("ok", f"{folder} {there}")


def _nearest(path: Path) -> Path:
    """Return a path, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _not_writable(folder: Path) -> str:
    """Return why a folder cannot be written, or be made; empty if it can."""
    place = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=place):  # without a name: nothing is left
            return ""
    except OSError as error:
        return f"cannot be written ({error.strerror})"
