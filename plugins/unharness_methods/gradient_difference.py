"""Gradient difference: ascent on what to forget, descent on what to retain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import LossMethod, Preset, Role, Search, Stream, sequence_nll
from unharness_methods.paper import baseline_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class GradientDifference(LossMethod):
    """Loss: − forget_weight · NLL(forget) + retain_weight · NLL(retain)."""

    name = "gradient-difference"
    summary = "Ascent on the forget set, descent on the retain set."
    citation = "Liu et al. 2022, arXiv 2203.12817; KnowUnDo (arXiv 2407.01920), section 4"
    family = "gradient ascent"
    evidence = (("oracle", "tests/methods/test_losses.py"),)
    keeps: ClassVar[Role] = "retain"
    """The role of what the descent reads."""
    # Chosen on the training splits alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 1e-3, "epochs": 4, "retain_weight": 2.0}
    }

    presets: ClassVar[Sequence[Preset]] = baseline_presets(paired=True)

    class Config(LossMethod.Config):
        """Adds the two weights."""

        forget_weight: float = Field(1.0, ge=0, description="weight of the ascent")
        retain_weight: float = Field(1.0, ge=0, description="weight of the descent")

        search: ClassVar[Mapping[str, Search]] = {"retain_weight": "loss_weight"}

    def streams(self) -> Mapping[str, Stream]:
        """Return what the descent reads."""
        return {self.keeps: Stream(self.keeps)}

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean weighted difference over the batch (nats per token)."""
        ascent, descent = self.loss_terms(model, batch)
        return ascent + descent

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the ascent, then the descent, so that one pass is held at a time."""
        config: GradientDifference.Config = self.config
        yield -config.forget_weight * sequence_nll(model, batch["forget"]).mean()
        yield config.retain_weight * sequence_nll(model, batch[self.keeps]).mean()
