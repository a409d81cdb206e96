"""How likely the model finds an answer, a token on average."""

from __future__ import annotations

import math

from unharness import TokenScores
from unharness_metrics.answers import AnswerMetric, nll


class Probability(AnswerMetric):
    """exp of the mean log-probability of an answer's tokens, mean over examples, 0 … 100 %.

    It is the geometric mean of the tokens' probabilities, so that long answers are not less
    likely than short ones; the probability of the whole answer is another number.
    """

    name = "probability"
    summary = "Geometric mean of the probabilities of an answer's tokens."
    citation = "TOFU, Maini et al. 2024, arXiv 2401.06121, section 2.2.2"
    unit = "%"
    direction = "higher"
    formula = "100 · mean over examples of exp(mean_t ℓ_t)"
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        (
            "It is the geometric mean of the tokens' probabilities, not the probability of the "
            "answer."
        ),
        (
            "A model that has lost its language has 0, as one that forgot the fact may have: read "
            "it beside a retain set."
        ),
    )

    def measure(self, row: TokenScores) -> float:
        """Return exp(mean log-probability), %."""
        return 100.0 * math.exp(-nll(row))


class AnswerNats(AnswerMetric):
    """Mean negative log-probability of an answer's tokens, mean over examples, nats, 0 or more."""

    name = "answer_nats"
    summary = "Mean negative log-probability of an answer's tokens, nats."
    unit = "nats"
    direction = "lower"
    formula = "mean over examples of − mean_t ℓ_t, nats"
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = ("It has no upper bound: a few answers that ascent made impossible decide the mean.",)

    def measure(self, row: TokenScores) -> float:
        """Return − mean log-probability, nats."""
        return nll(row)
