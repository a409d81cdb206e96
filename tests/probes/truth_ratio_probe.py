"""Metrics over perturbed answers; one compares with the retrained model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from unharness import Likelihood, Metric, Score, Seen, TokenScores, hookimpl


def mean_log_prob(row: TokenScores) -> float:
    """Return the mean log-probability of an answer's tokens, nats."""
    return sum(row.log_probs) / len(row.log_probs)


def truth_ratios(seen: Seen) -> list[float | None]:
    """Return ln t by example: t = wrong / right, wrong the geometric mean over wrong answers.

    Right is the paraphrased answer where there is one, else the example's own.
    """
    found: list[float | None] = []
    for own, right, wrong in zip(
        seen.likelihood(), seen.likelihood("paraphrase"), seen.likelihood("perturbed"), strict=True
    ):
        scored = [mean_log_prob(row) for row in wrong if row is not None]
        correct = next((row for row in (*right, *own) if row is not None), None)
        if correct is None or not scored:
            found.append(None)
        else:
            found.append(sum(scored) / len(scored) - mean_log_prob(correct))
    return found


class TruthRatio(Metric):
    """Mean of min(t, 1/t)."""

    name = "probe-truth-ratio"
    summary = "How little the right answer stands out among wrong ones."
    unit = "ratio"
    direction = "match_reference"

    def observes(self) -> Likelihood:
        return Likelihood(answers=("answer", "paraphrase", "perturbed"))

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        return seen.mean([None if t is None else math.exp(-abs(t)) for t in truth_ratios(seen)])


class ForgetQuality(TruthRatio):
    """log10 of the Kolmogorov-Smirnov p-value of truth ratios against a retrained model's."""

    name = "probe-forget-quality"
    summary = "log10 p that truth ratios are distributed as the retrained model's."
    unit = "log10 p"
    direction = "higher"
    references = frozenset({"retrained"})

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        own = truth_ratios(seen)
        gold = truth_ratios(references["retrained"][0])
        both = [(a, b) for a, b in zip(own, gold, strict=True) if a is not None and b is not None]
        if not both:
            return Score.missing("no truth ratio of both models")
        one, other = zip(*both, strict=True)
        value = math.log10(ks_p_value(one, other))
        return Score(value, len(both), len(own) - len(both))


def ks_p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the exact two-sided p-value of two samples of equal size."""
    n = len(one)
    steps = sorted({*one, *other})
    h = max(abs(sum(x <= at for x in one) - sum(x <= at for x in other)) for at in steps)
    if h == 0:
        return 1.0
    total = sum((-1) ** (k + 1) * math.comb(2 * n, n - k * h) for k in range(1, n // h + 1))
    return min(1.0, 2 * total / math.comb(2 * n, n))


@hookimpl
def unharness_metrics() -> list[type[Metric]]:
    """Register the metrics."""
    return [TruthRatio, ForgetQuality]
