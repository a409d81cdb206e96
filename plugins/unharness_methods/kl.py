"""Gradient ascent, held back by the divergence from the target model on the retain set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    LossMethod,
    Preset,
    Role,
    Search,
    Stream,
    sequence_kl,
    sequence_nll,
)
from unharness_methods.paper import baseline_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, TokenBatch, UnlearnBatch


class GradientAscentKL(LossMethod):
    """Loss: − forget_weight · NLL(forget) + kl_weight · KL(reference ‖ model) on the retain set.

    The divergence is averaged over the answer's positions. The paper's code minimises the
    reference's cross-entropy, which has the same gradient, over all positions alike.
    """

    name = "kl"
    summary = "Ascent on the forget set; on the retain set, close to what the target said."
    citation = "Yao et al. 2024, arXiv 2310.10683; KnowUnDo (arXiv 2407.01920), section 4"
    family = "gradient ascent"
    evidence = (("oracle", "tests/methods/test_kl.py"),)
    keeps: ClassVar[Role] = "retain"
    """The role of the stream on which the model stays close to the target."""
    # Chosen on the training splits alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 1e-3, "epochs": 4, "kl_weight": 3.0},
        "smollm2-135m:lora": {"lr": 4e-4},  # results/published/tuning
    }

    presets: ClassVar[Sequence[Preset]] = baseline_presets(paired=True)

    class Config(LossMethod.Config):
        """Adds the two weights and the fidelity."""

        forget_weight: float = Field(1.0, ge=0, description="weight of the ascent")
        kl_weight: float = Field(1.0, ge=0, description="weight of the divergence")
        fidelity: Literal["paper", "released-code"] = Field(
            "paper",
            description="released-code: cross-entropy in its place, averaged over every position "
            "of the batch, questions and padding included",
        )

        search: ClassVar[Mapping[str, Search]] = {"kl_weight": "loss_weight"}

    def streams(self) -> Mapping[str, Stream]:
        """Return what the divergence reads; the released code compares at every position."""
        everywhere = self.config.fidelity == "released-code"
        reference = frozenset({"logits"})
        return {self.keeps: Stream(self.keeps, reference=reference, everywhere=everywhere)}

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the batch (nats per token)."""
        ascent, divergence = self.loss_terms(model, batch)
        return ascent + divergence

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the ascent, then the divergence, so that one pass is held at a time."""
        config: GradientAscentKL.Config = self.config
        kept, reference = batch[self.keeps], batch.reference
        yield -config.forget_weight * sequence_nll(model, batch["forget"]).mean()
        if config.fidelity == "released-code":
            yield config.kl_weight * _cross_entropy(model, kept, reference.logits(self.keeps))
        else:
            yield (
                config.kl_weight
                * sequence_kl(model, kept, reference.scored_logits(self.keeps)).mean()
            )


def _cross_entropy(model: LanguageModel, batch: TokenBatch, reference: Tensor) -> Tensor:
    """Return the cross-entropy of the model against the reference, mean over all B x T positions.

    Args:
        model: a causal language model.
        batch: B examples, padded to T.
        reference: (B, T, V) logits, without gradient.
    """
    logits = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
    ).logits
    wanted = reference.float().softmax(dim=-1)
    result: Tensor = -(wanted * logits.float().log_softmax(dim=-1)).sum(dim=-1).mean()
    return result
