"""Direct preference optimisation with a refusal as the preferred answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import RetainLossMethod, Search, Stream, sequence_log_ratios
from unharness_methods.preference import pairwise_preference

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class DPOIDK(RetainLossMethod):
    """Forget loss: mean of −(2/β) · ln σ(β · (log-ratio of the refusal − that of the answer)).

    Both are ratios to the target model, sums over tokens. The loss couples two forward passes,
    so the activations of both are held; the retain term comes after them.
    """

    name = "dpo-idk"
    summary = "Preference for a refusal over every answer of the forget set."
    citation = "Maini et al. 2024, arXiv 2401.06121; Zhang et al. 2024, arXiv 2404.05868 (IdkDPO)"
    family = "preference"
    evidence = (("oracle", "tests/methods/test_preference_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00752, "epochs": 4, "retain_weight": 0.0708, "beta": 0.0427}
    }

    class Config(RetainLossMethod.Config):
        """Adds β."""

        beta: float = Field(0.1, gt=0, description="inverse temperature of the ratios' difference")

        search: ClassVar[Mapping[str, Search]] = {"beta": "inverse_temperature"}

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the answers and, aligned with them, the refusals."""
        asked = {"log_probs"}
        return {
            "forget": Stream("forget", reference=asked),
            "refusal": Stream("forget", answer="refusal", reference=asked),
        }

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the pairs."""
        refusal = sequence_log_ratios(model, batch, "refusal")
        answer = sequence_log_ratios(model, batch, "forget")
        return pairwise_preference(refusal, answer, self.config.beta).mean()
