"""Uncertainty over examples: percentile bootstrap, groups of examples drawn as one.

The draws depend on the seed, the split's name and its groups alone. So all metrics of one split,
and all models that were asked the same questions, are resampled alike, and what is computed from
several of them keeps their correlation; different splits are independent.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy

RESAMPLES = 2000
FAR = 1e300
"""Values are limited to this size, so that one that is not drawn at all weighs nothing."""

Statistic = Callable[..., float]
"""Takes the values of each sample as an array of floats, unscored examples left out."""


@dataclass(frozen=True)
class Sample:
    """One value an example of a split; None where it was not scored."""

    split: str
    groups: tuple[str, ...]
    """By example: those with one name are drawn together."""
    values: Sequence[float | None]
    weights: Sequence[float]

    @property
    def scored(self) -> Any:
        """Whether each example has a value: (n,) bool."""
        return numpy.array([value is not None for value in self.values], dtype=bool)

    @property
    def numbers(self) -> Any:
        """The values, (n,) float64; 0 where there is none."""
        found = [0.0 if value is None else value for value in self.values]
        return numpy.clip(numpy.array(found, dtype=float), -FAR, FAR)


@dataclass(frozen=True, eq=False)
class Estimate:
    """A statistic with its uncertainty."""

    value: float
    replicates: Any = None
    """Its values in the resamples, (RESAMPLES,), nan where nothing was drawn that has a value;
    None for fewer than two groups."""

    @property
    def ci95(self) -> tuple[float, float] | None:
        """The 95% percentile interval; None without replicates, or if it is not finite.

        It holds the value: a statistic near the end of its range may be larger than nearly all that
        is drawn.
        """
        if self.replicates is None:
            return None
        drawn = self.replicates[~numpy.isnan(self.replicates)]
        if not len(drawn):
            return None
        low, high = (float(end) for end in numpy.quantile(drawn, [0.025, 0.975]))
        if not (math.isfinite(low) and math.isfinite(high)):
            return None
        return (min(low, self.value), max(high, self.value))

    @property
    def stderr(self) -> float | None:
        """The bootstrap standard error; None without replicates, or if it is not finite."""
        if self.replicates is None:
            return None
        with numpy.errstate(over="ignore", invalid="ignore"):
            found = float(numpy.nanstd(self.replicates, ddof=1))
        return found if math.isfinite(found) else None


def weighted_mean(sample: Sample, seed: int, then: Callable[[Any], Any] | None = None) -> Estimate:
    """Estimate the mean of a sample, weighted by example.

    Args:
        sample: with at least one value.
        seed: of the resampling.
        then: a function of the mean to estimate in its place; takes and returns an array.
    """
    weights = numpy.array(sample.weights, dtype=float) * sample.scored
    values = sample.numbers
    finish = then or (lambda mean: mean)
    # Divided before it is summed: no sum of large values overflows.
    value = float(finish(numpy.asarray((weights / weights.sum() * values).sum())))
    counts = _counts(sample.groups, sample.split, seed)
    if counts is None:
        return Estimate(value)
    totals = counts @ weights
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        means = (counts @ (weights / weights.sum() * values)) / (totals / weights.sum())
        return Estimate(value, numpy.where(totals > 0, finish(means), numpy.nan))


def resampled(samples: Sequence[Sample], statistic: Statistic, seed: int) -> Estimate:
    """Estimate any statistic of one sample or several; weights of examples are not used.

    Args:
        samples: each with at least one value.
        statistic: takes an array a sample.
        seed: of the resampling.
    """
    numbers, scored = [one.numbers for one in samples], [one.scored for one in samples]
    value = float(statistic(*(n[s] for n, s in zip(numbers, scored, strict=True))))
    drawn = [_counts(one.groups, one.split, seed) for one in samples]
    if any(counts is None for counts in drawn):
        return Estimate(value)
    replicates = numpy.full(RESAMPLES, numpy.nan)
    for at in range(RESAMPLES):
        columns = [
            numpy.repeat(n, counts[at].astype(int) * s)
            for n, s, counts in zip(numbers, scored, drawn, strict=True)
        ]
        if all(map(len, columns)):
            replicates[at] = statistic(*columns)
    return Estimate(value, replicates)


def mean_over_pairs(
    sample: Sample, others: Sequence[Sample], kernel: Callable[[Any, Any], Any], seed: int
) -> Estimate:
    """Estimate the mean of a function of a value and one of another sample, over all pairs.

    With several other samples it is the mean over them. Weights of examples are not used.

    Args:
        sample: with at least one value.
        others: the same.
        kernel: takes an (n, 1) and a (1, m) array, and returns (n, m).
        seed: of the resampling.
    """
    values, replicates = [], []
    mine = _counts(sample.groups, sample.split, seed)
    for other in others:
        scored = numpy.outer(sample.scored, other.scored)
        table = kernel(sample.numbers[:, None], other.numbers[None, :]) * scored
        values.append(float(table.sum() / scored.sum()))
        theirs = _counts(other.groups, other.split, seed)
        if mine is not None and theirs is not None:
            pairs = (mine @ sample.scored) * (theirs @ other.scored)
            with numpy.errstate(divide="ignore", invalid="ignore"):
                found = ((mine @ table) * theirs).sum(axis=1) / pairs
            replicates.append(numpy.where(pairs > 0, found, numpy.nan))
    drawn = numpy.mean(replicates, axis=0) if len(replicates) == len(others) else None
    return Estimate(math.fsum(values) / len(values), drawn)


@lru_cache(maxsize=4)
def _counts(groups: tuple[str, ...], split: str, seed: int) -> Any:
    """Return how often each example is drawn, (RESAMPLES, n); None for fewer than two groups."""
    names = {name: at for at, name in enumerate(dict.fromkeys(groups))}
    if len(names) < 2:
        return None
    stream = int.from_bytes(hashlib.sha256(split.encode()).digest()[:8])
    rng = numpy.random.default_rng([seed, stream])
    drawn = rng.multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
    return drawn[:, [names[name] for name in groups]].astype(float)
