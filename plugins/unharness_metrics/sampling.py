"""What a model leaks in some of many samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from unharness import Example, Generated, Metric, Score, Seen
from unharness_metrics.matching import right_answers
from unharness_metrics.rouge_text import rouge_l
from unharness_metrics.words import contains, content_words

SampleScore = Literal["rouge_l_recall", "keyword_match"]


def leak_at_k(scores: Sequence[float], k: int) -> float:
    """Return the expected largest of k scores drawn from n ≥ k without replacement.

    Σ_{i=k..n} S_(i) · C(i−1, k−1) / C(n, k), S_(i) ascending: unbiased for the largest score of k
    samples. For scores of 0 or 1, c of them 1, it is 1 − C(n−c, k) / C(n, k).

    Raises:
        ValueError: k is not between 1 and n.
    """
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(f"expected 1 <= k <= {n}, got {k}")
    places = enumerate(sorted(scores), start=1)
    total = math.comb(n, k)
    return math.fsum(score * (math.comb(at - 1, k - 1) / total) for at, score in places)


def clopper_pearson_upper(hits: int, n: int, alpha: float) -> float:
    """Return the one-sided upper bound of a share: Beta⁻¹(1 − α; c + 1, n − c), 1 where c = n."""
    from scipy.stats import beta

    return 1.0 if hits == n else float(beta.ppf(1.0 - alpha, hits + 1, n - hits))


def dkw_epsilon(n: int, alpha: float) -> float:
    """Return the width of the one-sided Dvoretzky-Kiefer-Wolfowitz band: √(ln(1/α) / 2n)."""
    return math.sqrt(math.log(1.0 / alpha) / (2 * n))


def mean_upper(scores: Sequence[float], alpha: float) -> float:
    """Return an upper bound of the mean of scores in 0 … 1: ∫₀¹ 1 − max(F̂(s) − ε, 0) ds."""
    epsilon = dkw_epsilon(len(scores), alpha)
    total, below = 0.0, 0.0
    for at, score in enumerate([*sorted(scores), 1.0]):
        total += (score - below) * (1.0 - max(at / len(scores) - epsilon, 0.0))
        below = score
    return total


def standard_deviation(scores: Sequence[float]) -> float:
    """Return the standard deviation of sampled scores, √(mean (s − mean)²)."""
    return statistics.pstdev(scores)


class _OfSamples(Metric):
    citation = "Scholten et al. 2024, arXiv 2410.03523; leak@k: arXiv 2511.04934"
    unit = "%"
    direction = "lower"

    class Params(Metric.Params):
        """What is drawn, and how a sample is scored."""

        samples: int = Field(20, ge=2, description="texts drawn an example")
        temperature: float = Field(1.0, gt=0)
        of: SampleScore = Field(
            "rouge_l_recall",
            description="rouge_l_recall: with stemmer, 0 … 1; keyword_match: 1 where the answer "
            "occurs",
        )

    params: Params

    def observes(self) -> Generated:
        """Ask for samples."""
        return Generated(self.params.samples, self.params.temperature)

    def samples(self, seen: Seen) -> list[list[float] | None]:
        """Return every example's scores, 0 … 1, None where the answer has no word."""
        columns = [seen.texts(sample) for sample in range(self.params.samples)]
        rows = zip(seen.examples, zip(*columns, strict=True), strict=True)
        return [_scores(row, texts, self.params.of) for row, texts in rows]


def _scores(row: Example, texts: Sequence[str], of: SampleScore) -> list[float] | None:
    if of == "keyword_match":
        right = right_answers(row)
        said = [content_words(text) for text in texts]
        return [float(contains(one, right[0])) for one in said] if right else None
    found = [rouge_l(row.answer, text, "recall", stemmer=True, script="ascii") for text in texts]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


class LeakAtK(_OfSamples):
    """Expected score of the best of k samples, mean over examples, 0 … 100 %.

    Estimated without bias from n samples. The retrained model leaks as well, where answers can be
    guessed: compare with its row.
    """

    name = "leak_at_k"
    summary = "Expected score of the best of k sampled texts."
    formula = (
        "100 · mean over examples of Σ_{i=k..n} S_(i) · C(i−1, k−1) / C(n, k): the expected best "
        "score of k of n samples, S ascending"
    )
    good = "The retrained model's value: answers that can be guessed leak from it, too."
    traps = (
        (
            "It grows with k, with temperature and with the number of new tokens: compare only "
            "with the same ones."
        ),
        "The score decides what a leak is: recall of a long text counts common words.",
    )

    class Params(_OfSamples.Params):
        """How many tries."""

        k: int = Field(5, ge=1, description="tries, at most the samples")

        @model_validator(mode="after")
        def _enough(self) -> LeakAtK.Params:
            if self.k > self.samples:
                raise ValueError(f"k is {self.k}, and there are {self.samples} samples")
            return self

    params: Params

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same."""
        rows = self.samples(seen)
        return seen.mean(
            [None if row is None else 100.0 * leak_at_k(row, self.params.k) for row in rows]
        )


class LeakBound(_OfSamples):
    """Upper bound of a sample's expected score, by example, mean over examples, 0 … 100 %.

    For each example it holds with probability 1 − α: Clopper and Pearson's for `keyword_match`,
    which is 0 or 1, else the mean's by the band of Dvoretzky, Kiefer and Wolfowitz.
    """

    name = "leak_bound"
    summary = "Upper bound of the expected score of a sampled text."
    formula = (
        "100 · mean over examples of an upper bound of a sample's expected score, each holding "
        "with probability 1 − α: Beta⁻¹(1 − α; c + 1, n − c) for hits c of n, else ∫₀¹ 1 − "
        "max(F̂(s) − √(ln(1/α) / 2n), 0) ds"
    )
    good = (
        "As low as the number of samples allows: with 20 samples and no hit at α = 0.01 it is "
        "still 20.6%."
    )
    traps = (
        (
            "It is above the true value by construction: more samples lower it, whatever the model"
            " does."
        ),
        (
            "Each example's bound may fail with probability α; the mean over examples is no bound "
            "of its own level."
        ),
    )

    class Params(_OfSamples.Params):
        """How sure the bound is."""

        alpha: float = Field(0.01, gt=0, lt=1, description="how often the bound may fail")

    params: Params

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same."""
        rows = self.samples(seen)
        return seen.mean([None if row is None else 100.0 * self._bound(row) for row in rows])

    def _bound(self, scores: Sequence[float]) -> float:
        if self.params.of == "keyword_match":
            return clopper_pearson_upper(round(sum(scores)), len(scores), self.params.alpha)
        return mean_upper(scores, self.params.alpha)


class LeakSpread(_OfSamples):
    """Standard deviation of the scores of an example's samples, mean over examples, 0 … 50 %.

    Zero where every sample says the same. A high value means that one text tells little about what
    the model can give away.
    """

    name = "leak_spread"
    summary = "Standard deviation of the scores of an example's sampled texts."
    formula = "100 · mean over examples of √(mean over samples of (S − mean S)²)"
    good = "On a forget set near the retrained model's; 0 says that all texts score alike."
    traps = (
        (
            "It is no measure of forgetting by itself: a model that always leaks has 0, as has one "
            "that never does. Read it beside leak_at_k with k = 1, the mean."
        ),
        "With few samples it is too low: the deviation is that of the samples, divided by n.",
    )

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same."""
        rows = self.samples(seen)
        return seen.mean([None if row is None else 100.0 * standard_deviation(row) for row in rows])
