"""What is observed of a model; every metric is computed from this, without the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unharness.data.examples import Example

TOKEN_SCORES, GENERATED = "token_scores", "generated"


@dataclass(frozen=True, slots=True)
class TokenScores:
    """The teacher-forced scores of one example's answer; every sequence has one entry a token."""

    log_probs: tuple[float, ...]
    """log P(token | the true tokens before it), nats."""
    hits: tuple[bool, ...]
    """Whether the most likely token is the true one."""
    means: tuple[float, ...]
    """Mean over the vocabulary of the log-probabilities at that position, under the model."""
    variances: tuple[float, ...]
    """Variance of the same."""
    argmax_text: str
    """The most likely tokens, decoded."""
    answer_text: str
    """The true tokens, decoded: the answer as far as it was scored."""
    truncated: bool
    """Whether the answer goes on beyond the maximum length."""


@dataclass(frozen=True)
class SplitObservations:
    """What was observed on one split."""

    examples: Sequence[Example]
    token_scores: Sequence[TokenScores | None] | None = None
    """One an example, None where not a single token could be scored."""
    generated: Sequence[str] | None = None
    """One an example: the text that followed the prompt."""


@dataclass(frozen=True)
class Observations:
    """What was observed, split by split, and the seed for resampling it."""

    splits: Mapping[str, SplitObservations]
    bootstrap_seed: int = 0

    def has(self, kind: str, split: str) -> bool:
        """Whether `token_scores` or `generated` was observed on a split."""
        return split in self.splits and getattr(self.splits[split], kind) is not None

    def token_scores(self, split: str) -> Sequence[TokenScores | None]:
        """Return a split's teacher-forced scores, one an example."""
        scores = self.splits[split].token_scores
        if scores is None:
            raise KeyError(f"no token scores of {split}")
        return scores

    def generated(self, split: str) -> Sequence[tuple[str, str]]:
        """Return pairs of expected answer and generated text, one an example."""
        texts = self.splits[split].generated
        if texts is None:
            raise KeyError(f"nothing was generated for {split}")
        answers = [example.answer for example in self.splits[split].examples]
        return list(zip(answers, texts, strict=True))
