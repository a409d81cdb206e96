"""Statistics over the seeds of one row."""

from __future__ import annotations

import math
from collections.abc import Sequence

Interval = tuple[float, float]


def over_seeds(values: Sequence[float]) -> tuple[float, Interval | None]:
    """Return the mean over seeds and its 95% interval, mean ± t(0.975, k - 1) · s / √k.

    Args:
        values: one or more finite numbers, one a seed.

    Returns:
        The mean in the values' own unit; no interval for a single seed, or where the numbers are
        too large for one.
    """
    count = len(values)
    mean = _mean(values)
    if count < 2:
        return mean, None
    from scipy.special import stdtrit  # Student's t quantile, without the weight of scipy.stats

    try:
        squares = math.fsum((value - mean) ** 2 for value in values)
    except OverflowError:
        return mean, None
    half = float(stdtrit(count - 1, 0.975)) * math.sqrt(squares / (count - 1) / count)
    interval = (mean - half, mean + half)
    return mean, interval if all(map(math.isfinite, interval)) else None


def _mean(values: Sequence[float]) -> float:
    """Return the mean, never outside the values; each is divided first where the sum overflows."""
    try:
        mean = math.fsum(values) / len(values)
    except OverflowError:
        mean = math.fsum(value / len(values) for value in values)
    return min(max(mean, min(values)), max(values))
