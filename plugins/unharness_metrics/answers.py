"""What the metrics of an example's own answer have in common: which of its tokens count."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from unharness import Likelihood, Metric, Score, Seen, TokenScores

Tokens = Literal["scored", "answer"]
OLD_OBSERVATIONS = (
    "observed by an older version, which did not say where the answer begins; "
    "run it again with --force"
)


class AnswerParams(Metric.Params):
    """Which tokens of an answer count."""

    tokens: Tokens = Field(
        "scored",
        description="scored: all tokens under teacher forcing, with the blank line of the plain "
        "template; answer: without the white space that stands before the answer",
    )


class UnknownAnswerStart(Exception):
    """Nothing says which of the scored tokens are the answer's own."""


def own_answers(seen: Seen, tokens: Tokens = "scored") -> list[TokenScores | None]:
    """Return the token scores of each example's own answer, None where none was scored.

    Args:
        seen: with the likelihood of own answers.
        tokens: which of them to keep; the texts stay whole.

    Raises:
        UnknownAnswerStart: the answer's own tokens are asked for, and were not marked.
    """
    rows = [variants[0] for variants in seen.likelihood()]
    return rows if tokens == "scored" else [row and _without_blanks(row) for row in rows]


def _without_blanks(row: TokenScores) -> TokenScores | None:
    start = row.leading_blanks
    if start is None:
        raise UnknownAnswerStart(OLD_OBSERVATIONS)
    if start >= len(row.hits):
        return None
    return replace(
        row,
        log_probs=row.log_probs[start:],
        hits=row.hits[start:],
        means=row.means[start:],
        variances=row.variances[start:],
        leading_blanks=0,
    )


def nll(row: TokenScores) -> float:
    """Return the mean negative log-probability of an answer's tokens, nats."""
    return -sum(row.log_probs) / len(row.log_probs)


class AnswerMetric(Metric):
    """The mean over examples of a measure of their own answers under teacher forcing."""

    Params = AnswerParams
    params: AnswerParams

    @abstractmethod
    def measure(self, row: TokenScores) -> float:
        """Return one answer's value, from one token or more."""

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same, however long its answer."""
        try:
            rows = own_answers(seen, self.params.tokens)
        except UnknownAnswerStart as error:
            return Score.missing(str(error), len(seen.examples))
        return seen.mean([None if row is None else self.measure(row) for row in rows])
