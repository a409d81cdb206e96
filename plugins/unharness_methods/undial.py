"""UNDIAL: distillation from the target model with the true token's logit lowered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import (
    Choice,
    RetainLoss,
    Search,
    Stream,
    all_logits,
    position_losses,
    scored_logits,
    scored_positions,
)
from unharness_methods.token_loss import TokenLossMethod

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


def adjusted_distillation(logits: Tensor, reference: Tensor, tokens: Tensor, beta: float) -> Tensor:
    """Return the cross-entropy of the model against softmax(z⁰ − β · onehot(y)), (N,) float32.

    Args:
        logits: (N, V) float32, the model's; the gradient goes here.
        reference: z⁰, (N, V), the target model's, without gradient.
        tokens: y, (N,) int64, the true tokens.
        beta: what is taken from the true token's logit.
    """
    import torch
    from torch.nn.functional import cross_entropy

    lowered = torch.full_like(tokens, -beta, dtype=torch.float32)[:, None]
    wanted = reference.float().scatter_add(1, tokens[:, None], lowered).softmax(dim=-1)
    return cross_entropy(logits, wanted, reduction="none")


class UNDIAL(TokenLossMethod):
    """Forget loss: mean of −Σ_v q_v · ln p_v, with q = softmax(z⁰ − β · onehot(y)).

    z⁰ are the target model's logits. A token that it gives probability p⁰ is left with
    p⁰ · e^−β / (1 − p⁰ · (1 − e^−β)): under ½ only where β > ln(p⁰ / (1 − p⁰)).
    """

    name = "undial"
    summary = "Distils the target model with every true token's logit lowered."
    citation = "Dong et al. 2024, arXiv 2402.10052"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_distribution_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.0106, "epochs": 4, "beta": 30.0, "retain_loss": "none"}
    }

    class Config(TokenLossMethod.Config):
        """Adds β; there is no retain term unless it is asked for, as in the paper."""

        beta: float = Field(10.0, gt=0, description="what is taken from the true token's logit")
        retain_loss: RetainLoss = Field(
            "none",
            description="retain term: NLL, KL(reference ‖ model), JSD(reference, model), or none",
        )

        search: ClassVar[Mapping[str, Search]] = {
            "beta": Choice((3.0, 10.0, 30.0)),
            "retain_loss": Choice(("none", "nll")),
        }

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the forget set, with the reference's logits; all, for the released code."""
        everywhere = self.released_code()
        return {"forget": Stream("forget", reference={"logits"}, everywhere=everywhere)}

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean cross-entropy, nats per token.

        The released code takes it over every position, question and padding included. Its rows
        have a fixed length; here they are as long as the longest of the micro-batch.
        """
        forget, beta = batch["forget"], self.config.beta
        scored = scored_positions(forget)
        if self.released_code():
            scored = scored.new_ones(scored.shape)
            logits = all_logits(model, forget)[:, :-1][scored]
            reference = batch.reference.logits("forget")[:, :-1][scored]
        else:
            logits = scored_logits(model, forget)
            reference = batch.reference.scored_logits("forget")
        tokens = forget.input_ids[:, 1:][scored]
        formula = partial(adjusted_distillation, beta=beta)
        return self.mean(position_losses(formula, logits, reference, tokens), scored)
