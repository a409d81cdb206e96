"""How likely the right answer is among given ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Choices, ChoiceScores, Likelihood, Metric, Score, Seen
from unharness_metrics.answers import nll

MOST_NATS = 700.0
"""e^700 ≈ 1e304 is about the largest number that a float holds."""


def option_share(right: float, wrong: Sequence[float]) -> float:
    """Return P̄(right) / (P̄(right) + Σ P̄(wrong)), 0 … 1, with P̄ = exp(−NLL).

    Args:
        right: NLL of the right answer, nats a token.
        wrong: the same of every wrong one.
    """
    return 1.0 / (1.0 + sum(math.exp(min(right - one, MOST_NATS)) for one in wrong))


class OptionProbability(Metric):
    """Probability of the right answer among the given ones, mean over examples, 0 … 100 %.

    P̄(right) / (P̄(right) + Σ_j P̄(wrong_j)), where P̄ = exp(mean log-probability of the answer's
    tokens). TOFU's "probability" on real authors and world facts. Chance is 100 / number of
    options. An example of which an option has no scored token is not scored.
    """

    name = "option_probability"
    summary = "Probability of the right answer among the given ones."
    citation = "TOFU, Maini et al. 2024, arXiv 2401.06121, section 2.2.2"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of P̄(right) / (P̄(right) + Σ_j P̄(wrong_j)); P̄ = exp(mean_t ℓ_t)"
    )
    good = (
        "On utility and retain sets near the target's; on a forget set near the retrained model's,"
        " which is near chance, 100 / number of options."
    )
    traps = (
        (
            "Chance depends on the number of options: values of sets with different numbers cannot"
            " be compared."
        ),
        (
            "Lengths are normalised away: a wrong option of common words may be likelier a token "
            "than the right one."
        ),
    )

    class Params(Metric.Params):
        """Where the options come from."""

        options: Literal["perturbed", "choices"] = Field(
            "perturbed",
            description="the own answer against the perturbed ones, or the example's choices",
        )

    params: Params

    def observes(self) -> Likelihood | Choices:
        """Ask for the options."""
        if self.params.options == "choices":
            return Choices()
        return Likelihood(answers=("answer", "perturbed"))

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same, however many options it has."""
        values = _among_choices(seen) if self.params.options == "choices" else _among_answers(seen)
        return seen.mean([None if value is None else 100.0 * value for value in values])


def _among_answers(seen: Seen) -> list[float | None]:
    found: list[float | None] = []
    for [right], wrong in zip(seen.likelihood(), seen.likelihood("perturbed"), strict=True):
        scored = [nll(row) for row in wrong if row is not None]
        known = right is not None and scored and len(scored) == len(wrong)
        found.append(option_share(nll(right), scored) if known and right is not None else None)
    return found


def _among_choices(seen: Seen) -> list[float | None]:
    found: list[float | None] = []
    for row in seen.choices():
        if row is None or row.gold is None or len(row.means) < 2:
            found.append(None)
            continue
        wrong = [-mean for at, mean in enumerate(row.means) if at != row.gold]
        found.append(option_share(-row.means[row.gold], wrong))
    return found


class ChoiceAccuracy(Metric):
    """Share of examples whose right choice is the most likely, 0 … 100 %.

    The first of equally likely choices counts as chosen. lm-eval's `acc` is `by="sum"`, its
    `acc_norm` is `by="characters"`.
    """

    name = "choice_accuracy"
    summary = "Share of examples whose right choice is the most likely."
    citation = "lm-evaluation-harness, arXiv 2405.14782, section 4"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · share of examples whose right choice has the largest log-probability: a token "
        '(by="mean"), of the whole choice ("sum", lm-eval\'s acc) or a character ("characters", '
        "acc_norm)"
    )
    good = (
        "On retain and utility sets the target's value; on a forget set the retrained model's, "
        "which may be near chance, 100 / number of choices."
    )
    traps = (
        "Chance is not 0, and below chance is a sign of over-forgetting.",
        (
            "A model may know the answer and prefer another letter: what is known is in "
            "option_probability."
        ),
    )

    class Params(Metric.Params):
        """How choices are compared."""

        by: Literal["mean", "sum", "characters"] = Field(
            "mean", description="log-probability a token, of the whole choice, or a character"
        )

    params: Params

    def observes(self) -> Choices:
        """Ask for the likelihood of every choice."""
        return Choices()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Choose for every example; without a right choice, or a scored one, there is no value."""
        rows = zip(seen.choices(), seen.examples, strict=True)
        return seen.mean(
            [
                None
                if row is None or row.gold is None
                else 100.0 * (self._chosen(row, example.choices) == row.gold)
                for row, example in rows
            ]
        )

    def _chosen(self, row: ChoiceScores, texts: Sequence[str]) -> int:
        if self.params.by == "mean":
            return row.best_by_mean
        if self.params.by == "sum":
            return row.best_by_sum
        each = [total / len(text) for total, text in zip(row.sums, texts, strict=True)]
        return max(range(len(each)), key=each.__getitem__)
