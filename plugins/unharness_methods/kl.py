"""Gradient ascent, held back by the divergence from the target model on the retain set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import LossMethod, sequence_kl, sequence_nll

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import UnlearnBatch


class GradientAscentKL(LossMethod):
    """Loss: − forget_weight · NLL(forget) + kl_weight · KL(reference ‖ model) on the retain set.

    The divergence is averaged over the answer's positions. The paper's code minimises the
    reference's cross-entropy, which has the same gradient.
    """

    name = "kl"
    summary = "Ascent on the forget set; on the retain set, close to what the target said."
    citation = "Yao et al. 2024, arXiv 2310.10683; KnowUnDo (arXiv 2407.01920), section 4"
    uses = frozenset({"retain", "reference"})
    # Chosen on the training halves alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 1e-3, "epochs": 4, "kl_weight": 3.0}
    }

    class Config(LossMethod.Config):
        """Adds the two weights."""

        forget_weight: float = Field(1.0, ge=0, description="weight of the ascent")
        kl_weight: float = Field(1.0, ge=0, description="weight of the divergence")

    def loss(self, model: Any, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the batch (nats per token)."""
        ascent, divergence = self.loss_terms(model, batch)
        return ascent + divergence

    def loss_terms(self, model: Any, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the ascent, then the divergence, so that one pass is held at a time."""
        assert batch.retain is not None  # `uses` says so
        assert batch.reference is not None
        config: GradientAscentKL.Config = self.config
        yield -config.forget_weight * sequence_nll(model, batch.forget).mean()
        divergence = sequence_kl(model, batch.retain, batch.reference(batch.retain))
        yield config.kl_weight * divergence.mean()
