"""Gradient ascent: the simplest way to unlearn, and the one that forgets most else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from unharness import LossMethod, Preset, sequence_nll
from unharness_methods.paper import baseline_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class GradientAscent(LossMethod):
    """Loss: − NLL(forget)."""

    name = "gradient-ascent"
    summary = "Makes the forget set's answers less likely, and nothing else."
    citation = "Jang et al. 2023, arXiv 2210.01504; KnowUnDo (arXiv 2407.01920), section 4"
    family = "gradient ascent"
    evidence = (("oracle", "tests/methods/test_losses.py"),)
    presets: ClassVar[Sequence[Preset]] = baseline_presets()

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean of − NLL over the forget examples (nats per token)."""
        return -sequence_nll(model, batch["forget"]).mean()
