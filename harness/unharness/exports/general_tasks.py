"""What a record says of a task of general knowledge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unharness.records.record import RunRecord


def general_task(record: RunRecord, label: str) -> Mapping[str, Any]:
    """Return lm-eval's metric, version, shots and numbers of a column; empty for any other."""
    tasks = (record.general or {}).get("tasks") or {}
    found: Mapping[str, Any] = tasks.get(label.rpartition("/")[2], {})
    return found
