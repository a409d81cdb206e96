"""Whether what lies in the cache is still what was put there."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unharness.cache import damage
from unharness.cache_limit import TRAININGS
from unharness.errors import reason_of
from unharness.maintenance.cache_contents import KEY, CacheEntry

LONGEST_HEADER = 100 * 10**6
"""In bytes: what safetensors itself allows."""


def entry_problem(
    entry: CacheEntry, *, hashes: bool = True, on_note: Callable[[str], None] = lambda text: None
) -> str:
    """Return what is wrong with an entry; empty if nothing is, or nothing says how it should be.

    Args:
        entry: of the cache.
        hashes: whether contents are hashed, at about a second for a gigabyte; else sizes alone
            are compared.
        on_note: told of a long check.
    """
    if entry.is_addressed:
        return damage(entry.path, on_note, hashes=hashes) or _weights_problem(entry.path)
    if KEY.fullmatch(entry.path.stem) and entry.path.suffix == ".json":
        return _note_problem(entry.path)
    if entry.room == "data":
        return _data_problem(entry.path)
    if entry.room == TRAININGS:
        problems = (damage(state, on_note, hashes=hashes) for state in entry.path.glob("[0-9]*"))
        return next((one for one in problems if one), "")
    return ""


def safetensors_problem(path: Path) -> str:
    """Return what is wrong with the header of a safetensors file; empty if nothing is.

    The header names every tensor's type, shape and place; together the places must be the rest of
    the file (https://github.com/huggingface/safetensors#format).
    """
    try:
        with path.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > LONGEST_HEADER:
                return f"{path.name} is no safetensors file: its header has {length} bytes"
            header = json.loads(handle.read(length))
        tensors = {name: one for name, one in header.items() if name != "__metadata__"}
        spans = sorted(tuple(one["data_offsets"]) for one in tensors.values())
        size = path.stat().st_size - 8 - length
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        return f"the safetensors header of {path.name} cannot be read ({reason_of(error)})"
    end = 0
    for start, stop in spans:
        if start != end or stop < start:
            return f"the tensors of {path.name} leave gaps or overlap"
        end = stop
    return "" if end == size else f"{path.name} has {size} bytes of tensors instead of {end}"


def _weights_problem(folder: Path) -> str:
    problems = map(safetensors_problem, sorted(folder.rglob("*.safetensors")))
    return next((one for one in problems if one), "")


def _note_problem(path: Path) -> str:
    note, problem = _json(path)
    if problem:
        return problem
    known = isinstance(note, dict) and isinstance(note.get("sha256"), str) and "answer" in note
    return "" if known else f"{path.name} is no note: it has no answer with its hash"


def _data_problem(folder: Path) -> str:
    problems = (_json(path)[1] for path in sorted(folder.rglob("*.json")))
    return next((one for one in problems if one), "")


def _json(path: Path) -> tuple[Any, str]:
    """Return a file's value, and why it has none."""
    try:
        return json.loads(path.read_bytes()), ""
    except (OSError, ValueError, RecursionError) as error:
        return None, f"{path.name} cannot be read ({reason_of(error)})"
