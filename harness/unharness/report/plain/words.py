"""Plain words for shares: which words stand for which numbers, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_SPAN = 5.0
"""In points of 100: a measure on which two models are nearer than this cannot tell them apart."""


@dataclass(frozen=True)
class Level:
    """A range of shares, and the words for it."""

    least: float
    """The share, 0 to 1, from which the words hold."""
    words: str


FORGOTTEN = (
    Level(0.95, "as much as a model that never saw these facts"),
    Level(0.80, "most of it"),
    Level(0.50, "more than half of it"),
    Level(0.20, "less than half of it"),
    Level(0.05, "little of it"),
    Level(0.0, "almost nothing of it"),
)
"""Of what separates the model before from one that never saw the facts: how much is gone."""
KEPT = (
    Level(0.95, "almost all of it"),
    Level(0.80, "most of it"),
    Level(0.50, "more than half of it"),
    Level(0.20, "less than half of it"),
    Level(0.0, "little of it"),
)
"""Of what the model knew before: how much is left."""


def words_for(share: float, levels: Sequence[Level]) -> str:
    """Return the words for a share, 0 to 1; what is outside counts as the nearest end."""
    return next((one.words for one in levels if share >= one.least), levels[-1].words)


def level_list(levels: Sequence[Level]) -> list[str]:
    """Return every level's words with its limits, for readers who want to check."""
    found, above = [], 1.0
    for one in levels:
        upper = "and more" if above >= 1 else f"to {above:.0%}"
        found.append(f"“{one.words}”: {one.least:.0%} {upper}")
        above = one.least
    return found


def share_between(value: float, start: float, end: float) -> float | None:
    """Return where a value lies between two others, 0 to 1; None where these are too near."""
    if abs(end - start) < LEAST_SPAN:
        return None
    return min(1.0, max(0.0, (value - start) / (end - start)))


def sentence(text: str) -> str:
    """Return a text as a sentence: a capital at its beginning, a stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
