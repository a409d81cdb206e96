"""CE-U: cross-entropy against the model's own distribution without the true token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import position_losses, scored_logits, scored_positions
from unharness_methods.token_loss import TokenLossMethod

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


def unlikelihood(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return −ln(1 − p(y)) at each position, (N,) float32.

    It is computed as logsumexp(z) − logsumexp(z without y): where p(y) is nearly 1, and
    unlearning starts there, 1 − p(y) has no correct digit in float32, and its slope none either.

    Args:
        logits: z, (N, V) float32.
        tokens: y, (N,) int64.
    """
    others = logits.scatter(1, tokens[:, None], float("-inf"))
    return logits.logsumexp(dim=-1) - others.logsumexp(dim=-1)


class CEU(TokenLossMethod):
    """Forget loss: mean of −ln(1 − p(y)), which has the gradient of CE-U.

    CE-U is the cross-entropy CE(q, p) with q = softmax(z without the true token's logit), q
    without gradient. CE(q, p) = H(q) − ln(1 − p(y)), and the gradients of the two in z are equal:
    p(y) for the true token, so that it fades as the token is forgotten.
    """

    name = "ce-u"
    summary = "Unlikelihood of the forget set's tokens, by a gradient that fades with them."
    citation = "Yang 2025, arXiv 2503.01224"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_distribution_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.000994, "epochs": 4, "retain_weight": 4.51}
    }

    class Config(TokenLossMethod.Config):
        """Adds the tokens that are left out; the published code has no retain term."""

        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="per-example: mean over examples of the mean over their answers' tokens; "
            "released-code: one mean over the tokens of a micro-batch, and no retain term",
        )
        skip_tokens: int = Field(
            1, ge=0, description="how many of an answer's first tokens are left as they are"
        )

    def retains(self) -> bool:
        """Return whether there is a retain term; there is none in the released code."""
        return not self.released_code() and super().retains()

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean unlikelihood, nats per token."""
        scored = scored_positions(batch["forget"])
        kept = scored & (scored.cumsum(dim=1) > self.config.skip_tokens)
        tokens = batch["forget"].labels[:, 1:][scored]
        values = position_losses(unlikelihood, scored_logits(model, batch["forget"]), tokens)
        return self.mean(values[kept[scored]], kept)
