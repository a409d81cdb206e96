"""Whether what is known survives other words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Likelihood, Metric, Score, Seen
from unharness_metrics.answers import nll


class ParaphraseProbability(Metric):
    """Probability of an answer in other words, or to a question in other words, 0 … 100 %.

    exp(mean log-probability of the answer's tokens), as `probability`; the mean over an example's
    paraphrases, then over examples. OpenUnlearning's paper takes the paraphrased answer to the
    original question in its tables, and the paraphrased question in its meta-evaluation.
    """

    name = "paraphrase_probability"
    summary = "Probability of a paraphrased answer, or of one to a paraphrased question."
    citation = "OpenUnlearning, arXiv 2506.12618, appendix on metrics"
    unit = "%"
    direction = "higher"
    formula = "100 · mean over examples of the mean over paraphrases of exp(mean_t ℓ_t)"
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's. Far above the own answer's drop: only the wording was forgotten."
    )
    traps = (
        (
            "The paraphrased answer to the own question and the own answer to a paraphrased "
            "question are two metrics: parameters say which."
        ),
        "Paraphrases made by a language model are at times wrong or keep the wording.",
    )

    class Params(Metric.Params):
        """What is in other words."""

        prompt: Literal["prompt", "paraphrase"] = Field(
            "prompt", description="the own question, or its paraphrases"
        )
        answer: Literal["answer", "paraphrase"] = Field(
            "paraphrase", description="the own answer, or its paraphrases"
        )

    params: Params

    def observes(self) -> Likelihood:
        """Ask for the paraphrases."""
        return Likelihood((self.params.prompt,), (self.params.answer,))

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Average an example's paraphrases; one without any that was scored has no value."""
        found: list[float | None] = []
        for rows in seen.likelihood(self.params.answer, self.params.prompt):
            scored = [math.exp(-nll(row)) for row in rows if row is not None]
            found.append(100.0 * sum(scored) / len(scored) if scored else None)
        return seen.mean(found)
