"""Whether the right answer still stands out among wrong ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Likelihood, Metric, Score, Seen
from unharness_metrics.answers import nll

Correct = Literal["paraphrase", "answer"]
MOST_NATS = 700.0
"""e^700 ≈ 1e304 is about the largest number that JSON can hold."""


class TruthRatioParams(Metric.Params):
    """Which answer counts as the right one."""

    correct: Correct = Field(
        "paraphrase",
        description="the right answer: the paraphrased one (TOFU's forget and retain sets) or "
        "the example's own (its real authors and world facts)",
    )


def requested(correct: Correct) -> Likelihood:
    """Return what truth ratios are computed from."""
    return Likelihood(answers=(correct, "perturbed"))


def log_truth_ratios(seen: Seen, correct: Correct) -> list[float | None]:
    """Return ln t by example, nats: t = w / c, as TOFU's released code computes it for its tables.

    c = exp(−NLL(right answer)), w = exp(−mean over wrong answers of NLL): the geometric mean of
    the wrong answers' probabilities, each a token. Above 0 the wrong answers are more likely. None
    where the right answer or all wrong ones were not scored.
    """
    found: list[float | None] = []
    for rights, wrongs in zip(seen.likelihood(correct), seen.likelihood("perturbed"), strict=True):
        right = next((nll(row) for row in rights if row is not None), None)
        wrong = [nll(row) for row in wrongs if row is not None]
        if right is None or not wrong:
            found.append(None)
        else:
            found.append(right - sum(wrong) / len(wrong))
    return found


class TruthRatio(Metric):
    """A mean over examples of the truth ratio t, as `aggregate` says, in 0 … 100 %.

    closer_to_1: min(t, 1/t), higher where right and wrong answers are equally likely;
    true_better: max(0, 1 − t), for model utility; prob_mean: c / (c + w) = 1 / (1 + t), how much
    is known. It is not monotone in forgetting: gradient ascent sends t to 0 or to infinity.
    """

    name = "truth_ratio"
    summary = "How little the right answer stands out among wrong ones."
    citation = "TOFU, Maini et al. 2024, arXiv 2401.06121, section 2.2.2; arXiv 2506.12618"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of a function of t = w / c; c = exp(−NLL(right answer)), w = "
        "exp(−mean over wrong answers of NLL). closer_to_1: min(t, 1/t); true_better: max(0, 1 − "
        "t); prob_mean: c / (c + w) = 1 / (1 + t)"
    )
    good = (
        "On a forget set near the retrained model's value. true_better on retain and utility sets:"
        " higher is better."
    )
    traps = (
        (
            "It is not monotone in forgetting: gradient ascent sends t to 0 or to infinity, and "
            "min(t, 1/t) to 0, while nothing is known. Do not rank by it."
        ),
        (
            "Three definitions circulate: the inverse of t, the arithmetic mean of wrong "
            "probabilities, and the own in place of the paraphrased answer."
        ),
    )

    class Params(TruthRatioParams):
        """The right answer, and what is averaged."""

        aggregate: Literal["closer_to_1", "true_better", "prob_mean"] = "closer_to_1"

    params: Params

    def observes(self) -> Likelihood:
        """Ask for the right answer and the wrong ones."""
        return requested(self.params.correct)

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Average one function of t an example."""
        logs = log_truth_ratios(seen, self.params.correct)
        return seen.mean([None if log is None else 100.0 * self._value(log) for log in logs])

    def _value(self, log: float) -> float:
        if self.params.aggregate == "closer_to_1":
            return math.exp(-abs(log))
        if self.params.aggregate == "true_better":
            return -math.expm1(min(0.0, log))
        return 1.0 / (1.0 + math.exp(min(log, MOST_NATS)))
