"""Uncertainty: percentile bootstrap over examples."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

RESAMPLES = 2000
Statistic = Callable[..., Any]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its uncertainty."""

    value: float
    ci95: tuple[float, float] | None
    """The 95% percentile bootstrap interval; None for fewer than two examples, or if infinite."""
    stderr: float | None
    """The bootstrap standard error; None for fewer than two examples, or if infinite."""


def mean_of_means(*samples: Any, axis: int = -1) -> Any:
    """Return the mean of the samples' means, along the last axis."""
    import numpy

    means = [numpy.mean(sample, axis=axis) for sample in samples]
    return sum(means) / len(means)


def bootstrap(
    *samples: Sequence[float],
    seed: int,
    statistic: Statistic = mean_of_means,
) -> Estimate:
    """Estimate a statistic of independent samples, and its 95% interval over examples.

    Args:
        samples: one or more non-empty sequences; each is resampled by itself.
        seed: of the resampling.
        statistic: takes the samples and `axis`; by default the mean of their means.
    """
    import numpy
    from scipy import stats

    data = [numpy.asarray(sample, dtype=float) for sample in samples]
    value = float(statistic(*data, axis=-1))
    if any(len(sample) < 2 for sample in data):
        return Estimate(value, None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow to infinity is a result here
        result = stats.bootstrap(
            data,
            statistic,
            n_resamples=RESAMPLES,
            method="percentile",
            vectorized=True,
            rng=numpy.random.default_rng(seed),
        )
    low, high = (float(end) for end in result.confidence_interval)
    stderr = float(result.standard_error)
    return Estimate(
        value,
        (low, high) if math.isfinite(low) and math.isfinite(high) else None,
        stderr if math.isfinite(stderr) else None,
    )
