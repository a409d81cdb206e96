"""The scale that a metric's values are averaged and subtracted on; its unit decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unharness.evaluation.metric import PERCENT

LOG_UNITS = frozenset({"perplexity"})
"""Units that are the exponential of nats: one collapsed seed would outweigh all others."""
MOST_NATS = 700.0
"""e^700 ≈ 1e304 is the largest perplexity that a metric gives."""


@dataclass(frozen=True)
class Scale:
    """How the values of a unit are averaged: as they are, or as logarithms (nats).

    On the log scale a mean is the geometric one, an interval is never negative, and a change is
    a factor, after / before.
    """

    log: bool

    @classmethod
    def of(cls, unit: str) -> Scale:
        """Return the scale of a metric's unit."""
        return cls(unit in LOG_UNITS)

    def covers(self, values: Sequence[float]) -> bool:
        """Return whether all values are on the scale: finite, and for logarithms above zero."""
        finite = all(map(math.isfinite, values))
        return finite and (not self.log or all(value > 0 for value in values))

    def to(self, value: float) -> float:
        """Return a value in the metric's unit on the scale."""
        return math.log(value) if self.log else value

    def back(self, value: float) -> float:
        """Return a value on the scale in the metric's unit."""
        return math.exp(max(-MOST_NATS, min(value, MOST_NATS))) if self.log else value

    def change(self, before: float, after: float) -> float:
        """Return what a value in the metric's unit changed by: a difference, or a factor."""
        return self.back(self.to(after) - self.to(before))


def within_range(
    interval: tuple[float, float] | None, unit: str, values: Sequence[float | None]
) -> tuple[float, float] | None:
    """Return the interval of a difference, cut at -100 and 100 where it is one of shares.

    Args:
        interval: of the difference; None where nothing says how uncertain it is.
        unit: of the values.
        values: that were subtracted, in the unit. In %, one outside of 0 to 100 is no share.
    """
    shares = unit == PERCENT and all(v is not None and 0.0 <= v <= 100.0 for v in values)
    if interval is None or not shares:
        return interval
    return max(-100.0, interval[0]), min(100.0, interval[1])
