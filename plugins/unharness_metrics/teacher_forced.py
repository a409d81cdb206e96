"""Metrics of the example's own answer under teacher forcing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unharness import Likelihood, Metric, Score, Seen, TokenScores

MOST_NATS = 700.0
"""e^700 ≈ 1e304 is about the most that JSON can hold."""


def per_answer(seen: Seen, measure: Callable[[TokenScores], float]) -> list[float | None]:
    """Return a measure of each example's own answer, None where it was not scored."""
    rows = [variants[0] for variants in seen.likelihood()]
    return [None if row is None else measure(row) for row in rows]


class TokenAccuracy(Metric):
    """Mean over examples of the share of answer tokens whose most likely token is the true one."""

    name = "token_accuracy"
    summary = "Share of answer tokens that are predicted under teacher forcing."
    citation = "KnowUnDo, arXiv 2407.01920, section 3; exact memorisation in OpenUnlearning"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of mean_t h_t; h_t = 1 where token t of the answer is the "
        "likeliest one, after the true tokens before it"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's. 0% on a forget set is not what a model has that never saw it."
    )
    traps = (
        (
            "The blank line of the plain template is scored with the answer, and every model "
            'predicts it; exact_memorisation with tokens="answer" leaves it out.'
        ),
        (
            "The tokens before are the true ones: a model that would never begin the answer may "
            "still continue it."
        ),
    )

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same, however long its answer."""
        return seen.mean(per_answer(seen, lambda row: 100.0 * sum(row.hits) / len(row.hits)))


class Perplexity(Metric):
    """exp(− mean over examples of the mean log-probability of the answer's tokens)."""

    name = "perplexity"
    summary = "exp of the mean negative log-probability of the answers' tokens."
    citation = "KnowUnDo, arXiv 2407.01920, section 3"
    unit = "perplexity"
    direction = "lower"
    formula = (
        "exp(− mean over examples of mean_t ℓ_t); ℓ_t: log-probability of the answer's token t, "
        "nats"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's. A uniform guess has the size of the vocabulary."
    )
    traps = (
        (
            "It has no upper bound: after gradient ascent it may be 1e300, and says no more than "
            "that the model is broken."
        ),
        (
            "It is the exponential of a mean, not a mean of exponentials: published means of "
            "perplexities are larger."
        ),
    )

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Average in nats; an example's own value is its mean log-probability."""
        means = per_answer(seen, lambda row: sum(row.log_probs) / len(row.log_probs))
        return seen.mean(means, then=_perplexity)


def _perplexity(mean_log_prob: Any) -> Any:
    import numpy

    return numpy.exp(numpy.minimum(-mean_log_prob, MOST_NATS))
