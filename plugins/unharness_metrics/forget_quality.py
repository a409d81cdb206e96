"""Whether per-example values are distributed as the retrained model's: Kolmogorov-Smirnov."""

from __future__ import annotations

import math
import statistics
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Likelihood, Metric, Score, Seen
from unharness_metrics.answers import nll, own_answers
from unharness_metrics.references import RETRAINED, matched, other_seeds
from unharness_metrics.truth_ratio import TruthRatioParams, log_truth_ratios, requested

NEGLIGIBLE = 10**20
"""A term of the series is the last one where it is smaller than the sum by this factor."""

FEWEST = 2
"""Examples: of one alone p is 1, whatever the values are."""
TOO_FEW = f"fewer than {FEWEST} examples were scored of both models"


def ks_statistic(one: Sequence[float], other: Sequence[float]) -> float:
    """Return D = sup |F₁ − F₂| of two samples' empirical distributions, 0 … 1."""
    import numpy

    places = numpy.concatenate([one, other])
    shares = [
        numpy.searchsorted(numpy.sort(sample), places, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(numpy.abs(shares[0] - shares[1]).max())


def ks_log10_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Return log₁₀ of the exact two-sided p-value for two samples, of any sizes.

    For equal sizes p = 2 · Σ_{k≥1} (−1)^(k+1) C(2n, n − k·h) / C(2n, n) with h = n · D; for others
    the share of orders of the pooled values that reach D. Both in whole numbers until the last
    division, so that complete separation of large samples does not underflow. As SciPy's
    `ks_2samp` with `method="exact"`; the asymptotic p is up to 20% off at n = 40.

    Raises:
        ValueError: a sample is empty.
    """
    n, m = len(one), len(other)
    if not n or not m:
        raise ValueError(f"expected two samples that are not empty, got {n} and {m} values")
    h = round(n * m * ks_statistic(one, other))
    if h == 0:
        return 0.0
    total = math.comb(n + m, n)
    top = _orders_of_equal_sizes(n, h // n) if n == m else total - _orders_below(n, m, h)
    return min(0.0, math.log10(top) - math.log10(total)) if top < total else 0.0


def _orders_of_equal_sizes(n: int, h: int) -> int:
    """Count the orders of 2n values in which two samples differ by h/n or more."""
    top = 0
    for k in range(1, n // h + 1):
        term = 2 * math.comb(2 * n, n - k * h)
        top += term if k % 2 else -term
        if term * NEGLIGIBLE < top:
            break
    return top


def _orders_below(n: int, m: int, h: int) -> int:
    """Count the orders of n + m values in which two samples never differ by h/nm or more.

    They are the paths over a grid, a step per value, whose points (i, j) have |i·m − j·n| < h.
    """
    paths = [1 if j * n < h else 0 for j in range(m + 1)]
    for i in range(1, n + 1):
        before = 0
        for j in range(m + 1):
            before = before + paths[j] if abs(i * m - j * n) < h else 0
            paths[j] = before
    return paths[m]


class _AgainstRetrained(Metric):
    """What is compared, and with which models."""

    references = frozenset({RETRAINED})
    citation = "TOFU, Maini et al. 2024, arXiv 2401.06121, section 2.2.3"

    class Params(TruthRatioParams):
        """What is compared."""

        of: Literal["truth_ratio", "nats"] = Field(
            "truth_ratio",
            description="truth ratios, where the data has perturbed answers; else nats a token "
            "of the own answers",
        )

    params: Params

    def observes(self) -> Likelihood:
        """Ask for what is compared."""
        of_ratios = self.params.of == "truth_ratio"
        return requested(self.params.correct) if of_ratios else Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Test against every retrained seed on the examples that both were scored on."""
        pairs = [matched(seen, one, self._values) for one in other_seeds(seen, references)]
        pairs = [pair for pair in pairs if len(pair[0]) >= FEWEST]
        if not pairs:
            return Score.missing(TOO_FEW, len(seen.examples))
        n = min(len(own) for own, _ in pairs)
        return Score(self._over_seeds(pairs), n, len(seen.examples) - n)

    def _values(self, seen: Seen) -> list[float | None]:
        if self.params.of == "truth_ratio":
            return log_truth_ratios(seen, self.params.correct)
        return [None if row is None else nll(row) for row in own_answers(seen)]

    @abstractmethod
    def _over_seeds(self, pairs: Sequence[tuple[list[float], list[float]]]) -> float: ...


class ForgetQuality(_AgainstRetrained):
    """log₁₀ of the p-value of the two-sided two-sample Kolmogorov-Smirnov test, 0 or less.

    0 if the distributions cannot be distinguished. The floor depends on the number n of examples
    (complete separation of 110: −65), so values of different n cannot be compared; D can. With
    several retrained seeds it is the median over tests against each, of an even number of seeds
    the lower of the two in the middle: pooled samples would give another n and so another p, and
    p-values cannot be averaged. It has no interval.
    """

    name = "forget_quality"
    version = 2
    summary = "log10 p that per-example values are distributed as a retrained model's."
    unit = "log10 p"
    direction = "higher"
    formula = (
        "log₁₀ p of the two-sided two-sample Kolmogorov-Smirnov test between the model's and the "
        "retrained model's values by example (truth ratios, or nats), p exact for equal sizes"
    )
    good = "0: the distributions cannot be told apart. TOFU calls p > 0.05 good, which is −1.3."
    traps = (
        (
            "p depends on the number of examples: the floor is 2 / C(2n, n), −22.7 for n = 40, "
            "−118.7 for 200, −239.0 for 400. Compare forget_quality_d across sizes."
        ),
        "p > 0.05 does not mean forgotten: with few examples anything passes.",
        (
            "p-values cannot be averaged over seeds: of several retrained seeds it is the median "
            "test's, of two the one with the lower p, and it has no interval."
        ),
    )

    def _over_seeds(self, pairs: Sequence[tuple[list[float], list[float]]]) -> float:
        # Of an even number the cautious one of the two in the middle: their mean is no test's p.
        return statistics.median_low(ks_log10_p(own, gold) for own, gold in pairs)


class ForgetQualityD(_AgainstRetrained):
    """The statistic D of that test, 0 … 1, averaged over retrained seeds.

    0 if the distributions are equal, 1 if they do not overlap. It has no interval: resampled
    samples share values, which pushes D up.
    """

    name = "forget_quality_d"
    summary = "Kolmogorov-Smirnov distance of per-example values from a retrained model's."
    unit = "D"
    direction = "lower"
    formula = (
        "D = sup |F_model − F_retrained| of the empirical distributions of the values by example, "
        "mean over retrained seeds"
    )
    good = "As near as two retrained seeds are to each other; 0 is equal, 1 is no overlap."
    traps = (
        (
            "Two samples of one distribution have D above 0: about 1.36 · √(2/n) is reached by "
            "chance in 5%."
        ),
        (
            "Equal distributions are not equal answers: values of single examples may have changed"
            " places."
        ),
    )

    def _over_seeds(self, pairs: Sequence[tuple[list[float], list[float]]]) -> float:
        return statistics.fmean(ks_statistic(own, gold) for own, gold in pairs)
