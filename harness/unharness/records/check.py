"""The check that every record passes when it is loaded, beyond its schema."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from unharness.records.record import RunRecord
from unharness.spec import ADDED_IN, IDENTITY_VERSION, RunSpec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a task and a method may be called: they are folders."""


def problem_of(record: RunRecord) -> str:
    """Return in one line why a record cannot be used; empty if it can.

    A record is refused if its run id is not that of its own spec, so an edited hyperparameter,
    seed or data hash is not ranked as a result; if a number in it is NaN or infinite, which no
    report can show; or if a name in it that becomes a part of a path could lead elsewhere.
    """
    if problem := _unsafe_name(record):
        return problem
    version = record.identity_version
    if version > IDENTITY_VERSION:
        return f"identity version {version}, this unharness reads up to {IDENTITY_VERSION}"
    if added := [name for name in _added_after(version) if _is_given(record.spec, name)]:
        return f"spec.{added[0]} is not part of identity version {version}; restore the file"
    if (found := _run_id(record)) != record.run_id:
        return (
            f"its spec was changed: the run id is {record.run_id[:40]!r}, that of its spec is "
            f"{found!r}; restore the file, or run it again"
        )
    written = record.model_dump_json()  # fast: the walk below takes long, and is seldom needed
    if "NaN" in written or "Infinity" in written:
        for place, value in _numbers(record.model_dump(), ""):
            if not math.isfinite(value):
                return f"{place} is {value}, not a finite number; restore the file"
    return ""


def _unsafe_name(record: RunRecord) -> str:
    """Say which name would leave the record's folder as a part of a path; empty if none would.

    A model's name may be any path: it is never used as one. What is shown is escaped there.
    """
    for place, name in (("spec.task", record.spec.task), ("spec.method", record.spec.method)):
        if not _NAME.fullmatch(name):
            return f"{place} is {name[:40]!r}, which is no name of a {place[5:]}"
    for kind, facts in record.artifacts.items():
        path = facts.get("path")
        if not isinstance(path, str) or path in ("", ".", "..") or set(path) & set("/\\\0"):
            found = repr(path)[:60]
            return f"artifacts.{kind[:40]}.path is {found}, not a file beside the record"
    return ""


def _run_id(record: RunRecord) -> str:
    try:
        return record.spec.run_id(record.identity_version)
    except ValueError:  # a spec that JSON cannot hold identifies no run
        return ""


def _added_after(version: int) -> list[str]:
    """Return the identity fields that an older record's id does not cover."""
    return [name for since, names in ADDED_IN.items() if since > version for name in names]


def _is_given(spec: RunSpec, name: str) -> bool:
    return bool(getattr(spec, name) != RunSpec.model_fields[name].get_default())


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Yield every float with its place, as `metrics.success_avg.value`."""
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{place}.{index}")
