"""Statistics over the seeds of one row."""

from __future__ import annotations

import math
import statistics
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
    # The statistics module computes in fractions: the mean is never outside the values.
    mean = statistics.mean(values)
    count = len(values)
    if count < 2:
        return mean, None
    from scipy.special import stdtrit  # Student's t quantile, without the weight of scipy.stats

    half = float(stdtrit(count - 1, 0.975)) * statistics.stdev(values) / math.sqrt(count)
    interval = (mean - half, mean + half)
    return mean, interval if all(map(math.isfinite, interval)) else None
