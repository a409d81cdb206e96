"""Whether answers still look trained on: scores of membership attacks, and their AUC."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from unharness import Likelihood, Metric, Score, Seen, TokenScores
from unharness_metrics.answers import AnswerParams, UnknownAnswerStart, nll, own_answers
from unharness_metrics.references import NO_HOLDOUT, RETRAINED, other_seeds

SMALLEST_VARIANCE = 1e-6
ROUNDING = 1e-9
"""So that 0.29 of 100 tokens are 29, and not 28."""


def loss(row: TokenScores, k: float) -> float:
    """Return the negative log-probability a token, nats."""
    return nll(row)


def zlib_loss(row: TokenScores, k: float) -> float:
    """Return the nats a token over the bytes of the answer's text, compressed by zlib."""
    return nll(row) / len(zlib.compress(row.answer_text.encode()))


def min_k(row: TokenScores, k: float) -> float:
    """Return minus the mean of the lowest share k of log-probabilities, at least one of them."""
    return -_lowest_mean(row.log_probs, k)


def min_k_pp(row: TokenScores, k: float) -> float:
    """Return the same of (ℓ − μ) / σ: mean and deviation over the vocabulary at each position."""
    scores = [
        (log_prob - mean) / math.sqrt(max(variance, SMALLEST_VARIANCE))
        for log_prob, mean, variance in zip(row.log_probs, row.means, row.variances, strict=True)
    ]
    return -_lowest_mean(scores, k)


def _lowest_mean(values: Sequence[float], k: float) -> float:
    count = max(1, math.floor(k * len(values) + ROUNDING))
    return sum(sorted(values)[:count]) / count


SCORES: Mapping[str, Callable[[TokenScores, float], float]] = {
    "loss": loss,
    "zlib": zlib_loss,
    "min_k": min_k,
    "min_k_pp": min_k_pp,
}
"""Each gives one number an answer; higher: less like what was trained on."""


def auc_kernel(lower: Any, upper: Any) -> Any:
    """Return 100 where a value of `upper` is above one of `lower`, 50 where they are equal.

    The mean over all pairs is the AUC, P(upper > lower) + ½ P(equal), in %.
    """
    return 50.0 * ((upper > lower).astype(float) + (upper >= lower))


class _OfScores(Metric):
    unit = "%"
    axis = "privacy"
    citation = (
        "Shi et al. 2024, arXiv 2310.16789 (min-k); Zhang et al. 2024, arXiv 2404.02936 "
        "(min-k++); Carlini et al. 2021, arXiv 2012.07805 (zlib)"
    )

    class Params(AnswerParams):
        """The attack's score."""

        score: Literal["loss", "zlib", "min_k", "min_k_pp"] = "loss"
        k: float = Field(0.4, gt=0, le=1, description="share of tokens, for min_k and min_k_pp")

    params: Params

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare the scores; the interval is over examples, drawn alike for all models."""
        try:
            return self._compared(seen, references)
        except UnknownAnswerStart as error:
            return Score.missing(str(error), len(seen.examples))

    def _compared(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        raise NotImplementedError

    def scores(self, seen: Seen) -> list[float | None]:
        """Return one score an example, None where it was not scored."""
        score = SCORES[self.params.score]
        rows = own_answers(seen, self.params.tokens)
        return [None if row is None else score(row, self.params.k) for row in rows]


class RetrainedAUC(_OfScores):
    """AUC that tells the model's scores from the retrained model's on one split, 0 … 100 %.

    P(score of the retrained model > score of the model) + ½ P(equal), over all pairs of examples;
    with several retrained seeds, the mean over them, which is the AUC against all of them pooled.
    50: they cannot be distinguished. Above: the answers look more trained on than to a model that
    never saw them. Below: less, which is a trace as well.
    """

    name = "auc_retrained"
    summary = "AUC that tells the model's losses from the retrained model's; 50: it cannot."
    direction = "match_reference"
    references = frozenset({RETRAINED})
    formula = (
        "100 · (P(score of the retrained model > score of the model) + ½ P(equal)) over all pairs "
        "of examples of one split; scores are higher the less an example looks trained on"
    )
    good = "50: the two models cannot be told apart by the score."
    traps = (
        (
            "Below 50 is no success: the answers look less trained on than to a model that never "
            "saw them, which is a trace as well."
        ),
        (
            "It compares distributions, not pairs of the same example: changes that cancel are not"
            " seen."
        ),
    )

    def _compared(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        gold = [(one, self.scores(one)) for one in other_seeds(seen, references)]

        return seen.mean_over_pairs(self.scores(seen), *gold, kernel=auc_kernel)


class MembershipAUC(_OfScores):
    """AUC that tells a split from the one it is set against, 0 … 100 %.

    P(score of the other split > score of this one) + ½ P(equal). With `against` a holdout that
    no model saw: 100 if the split looks trained on throughout. It is not 50 for a model that
    never saw either, unless both come from one distribution: compare with the retrained row.
    """

    name = "membership_auc"
    summary = "AUC of a membership attack on a split, set against a holdout."
    direction = "match_reference"
    formula = (
        "100 · (P(score of the holdout > score of the split) + ½ P(equal)); score: loss, zlib, "
        "min_k or min_k_pp"
    )
    good = (
        "As near to the retrained model's value as can be; 100 is a split that looks trained on "
        "throughout."
    )
    traps = (
        (
            "50 is not the ideal where split and holdout come from two distributions: TOFU's "
            "retrained models have from 35 to 56 by min-k."
        ),
        "With 40 examples its standard error is about 6 points.",
        (
            "An AUC hides the tail: attack_tpr says how many examples are found with few false "
            "alarms."
        ),
    )

    def _compared(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        if seen.against is None:
            return Score.missing(NO_HOLDOUT)

        other = (seen.against, self.scores(seen.against))
        return seen.mean_over_pairs(self.scores(seen), other, kernel=auc_kernel)
