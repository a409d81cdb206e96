"""The check that every record passes when it is loaded, beyond its schema."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from unharness.records.record import RunRecord
from unharness.records.stage_specs import IDENTITY_VERSION

SPEC_CHANGED = (
    "its spec was changed: the run id or evaluation id does not match it; restore the file, or "
    "run it again"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a task and a method may be called: they are folders."""
_TASK = re.compile(_NAME.pattern + r"(:[\x20-\x7e]{1,1000})?")
"""A task's name may have parameters."""


_SIMPLER = bytes.maketrans(b"123456789E]}", b"000000000e,,")
"""All digits as 0, all that ends a number as a comma."""
_LARGE_EXPONENT = re.compile(rb"e000+,")
_MANY_DIGITS = b"0" * 200


def problem_of(record: RunRecord, text: str) -> str:
    """Return in one line why a record cannot be used; empty if it can.

    A record is refused if its run id is not that of its own spec, so an edited hyperparameter,
    seed or data hash is not ranked as a result; if a number in it is NaN or infinite, which no
    report can show; or if a name in it that becomes a part of a path could lead elsewhere.

    Args:
        record: as it was read.
        text: the JSON that it was read from.
    """
    if problem := _unsafe_name(record):
        return problem
    if _may_hold_non_finite(text):  # the walk takes long
        for place, value in _numbers(record.model_dump(), ""):
            if not math.isfinite(value):
                return f"{place} is {value}, not a finite number; restore the file"
    return ""


def _may_hold_non_finite(text: str) -> bool:
    """Return whether a JSON text may hold NaN or infinity; a fast check that may say yes in vain.

    JSON readers accept the words NaN and Infinity, and read any number beyond 1e308 as infinity.
    Such a number has an exponent of three digits, or hundreds of digits.
    """
    if "NaN" in text or "Infinity" in text:
        return True
    plain = text.encode().translate(_SIMPLER, b" \t\r\n+")
    return _MANY_DIGITS in plain or _LARGE_EXPONENT.search(plain) is not None


def _unsafe_name(record: RunRecord) -> str:
    """Say which name would leave the record's folder as a part of a path; empty if none would.

    A model's name may be any path: it is never used as one. What is shown is escaped there.
    """
    for place, name, allowed in (
        ("spec.task", record.spec.task, _TASK),
        ("spec.method", record.spec.method, _NAME),
    ):
        if not allowed.fullmatch(name):
            return f"{place} is {name[:40]!r}, which is no name of a {place[5:]}"
    for kind, facts in record.artifacts.items():
        path = facts.get("path")
        if not isinstance(path, str) or path in ("", ".", "..") or set(path) & set("/\\\0"):
            found = repr(path)[:60]
            return f"artifacts.{kind[:40]}.path is {found}, not a file beside the record"
    return ""


def id_problem(record: RunRecord, evaluation_id: str) -> str:
    """Return in what way a record's ids are not those of its specs; empty if they are.

    An edited hyperparameter, seed or data hash must not be ranked as a result.

    Args:
        record: of today's schema.
        evaluation_id: under which its file lists it.
    """
    version = record.identity_version
    if version != IDENTITY_VERSION:
        return f"identity version {version}, this unharness reads {IDENTITY_VERSION}"
    try:
        found = record.spec.run_id(), record.spec.evaluation_id()
    except ValueError:  # a spec that JSON cannot hold identifies no run
        found = ("", "")
    return "" if found == (record.run_id, evaluation_id) else SPEC_CHANGED


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Yield every float with its place, as `metrics.<label>.value`."""
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{place}.{index}")
