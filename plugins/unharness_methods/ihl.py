"""Inverted hinge loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unharness import position_losses, scored_logits, scored_positions
from unharness_methods.token_loss import TokenLossMethod

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


def inverted_hinge(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return 1 + p(y) − max over v ≠ y of p(v) at each position, (N,) float32, from 0 to 2.

    Args:
        logits: (N, V) float32, V at least 2.
        tokens: y, (N,) int64.
    """
    import torch

    best = logits.topk(2, dim=-1)
    rival = torch.where(best.indices[:, 0] == tokens, best.values[:, 1], best.values[:, 0])
    own = logits.gather(1, tokens[:, None])[:, 0]
    total = logits.logsumexp(dim=-1)
    return 1 + (own - total).exp() - (rival - total).exp()


class IHL(TokenLossMethod):
    """Forget loss: mean of 1 + p(y) − max over v ≠ y of p(v).

    Two probabilities a position get a gradient: the true token's, and that of its best rival,
    which takes its place. The initialisation of adapters that the paper adds (FILA) is not here.
    """

    name = "ihl"
    summary = "Lets the best rival take the place of every token of the forget set."
    citation = "Cha et al. 2024, arXiv 2408.06621 (IHL)"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_distribution_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00126, "epochs": 4, "retain_weight": 0.208}
    }

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean hinge, from 0 to 2."""
        scored = scored_positions(batch["forget"])
        tokens = batch["forget"].labels[:, 1:][scored]
        logits = scored_logits(model, batch["forget"])
        return self.mean(position_losses(inverted_hinge, logits, tokens), scored)
