"""What a model that guesses would get of a suite of general knowledge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unharness.evaluation.columns import GENERAL_AVERAGE, GENERAL_PREFIX
from unharness.records.record import RunRecord


def chance_of(label: str, record: RunRecord) -> float | None:
    """Return the chance level of a column of general knowledge, %; of the average their mean.

    Returns:
        None for other columns, for answers that are no choices, and of records from before it was
        recorded.
    """
    facts = record.general or {}
    tasks: Mapping[str, Mapping[str, Any]] = facts.get("tasks") or {}
    if label == GENERAL_AVERAGE:
        names = facts.get("averaged") or []
        known = [_number(tasks.get(name, {}).get("chance")) for name in names]
        found = [one for one in known if one is not None]
        return sum(found) / len(found) if found and len(found) == len(known) else None
    if not label.startswith(GENERAL_PREFIX):
        return None
    return _number(tasks.get(label.removeprefix(GENERAL_PREFIX), {}).get("chance"))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
