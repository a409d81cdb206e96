"""Maximising entropy: the forget set's answers are to be guesses over the whole vocabulary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    TokenBatch,
    UnlearnContext,
    position_losses,
    scored_logits,
    scored_positions,
)
from unharness_methods.token_loss import TokenLossMethod

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

Direction = Literal["uniform-to-model", "model-to-uniform"]


def divergence_from_uniform(logits: Tensor, direction: Direction) -> Tensor:
    """Return the KL divergence between the model and the uniform distribution, (N,) float32.

    Args:
        logits: (N, V) float32, over the vocabulary that is to be uniform.
        direction: KL(uniform ‖ model), without upper bound; or KL(model ‖ uniform), up to ln V,
            which is ln V minus the entropy.
    """
    size = math.log(logits.shape[-1])
    if direction == "uniform-to-model":
        return logits.logsumexp(dim=-1) - logits.mean(dim=-1) - size
    log_probs = logits.log_softmax(dim=-1)
    return size + (log_probs.exp() * log_probs).sum(dim=-1)


class MaxEntropy(TokenLossMethod):
    """Forget loss: mean of KL(uniform ‖ model) at the answer's positions.

    The vocabulary is the tokenizer's: rows that only pad the output head are left out.
    """

    name = "max-entropy"
    summary = "Makes the next token of the forget set's answers as uncertain as can be."
    citation = "Yuan et al. 2024, arXiv 2410.08109 (ME+GD)"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_distribution_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00175, "epochs": 4, "retain_weight": 0.702}
    }

    class Config(TokenLossMethod.Config):
        """Adds the direction; the weight is that of the authors on TOFU."""

        forget_weight: float = Field(0.1, gt=0, description="weight of the forget term (gamma)")
        direction: Direction = Field(
            "uniform-to-model",
            description="uniform-to-model: KL(uniform ‖ model), the authors' code; "
            "model-to-uniform: KL(model ‖ uniform), which is bounded",
        )
        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="released-code: one mean over the tokens of a micro-batch, the "
            "questions' included, and over all rows of the output head",
        )

    def prepare(self, context: UnlearnContext) -> None:
        """Take the size of the tokenizer's vocabulary."""
        self._vocabulary = len(context.tokenizer)

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean divergence, nats per token."""
        forget = batch["forget"]
        if self.released_code():
            forget = with_questions(forget)
        logits = scored_logits(model, forget)
        if not self.released_code():
            logits = logits[:, : self._vocabulary]
        formula = partial(divergence_from_uniform, direction=self.config.direction)
        return self.mean(position_losses(formula, logits), scored_positions(forget))


def with_questions(batch: TokenBatch) -> TokenBatch:
    """Return the batch with every token but the first scored, padding left out."""
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    labels[:, 0] = -100
    return TokenBatch(batch.input_ids, batch.attention_mask, labels)
