"""SimNPO: negative preference without a reference model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import FloatRange, Preset, RetainLossMethod, Search, all_logits, sequence_nll
from unharness_methods.preference import negative_preference, raw_logit_preference
from unharness_methods.tofu_presets import tofu_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


def simple_preference(nll: Tensor, beta: float, margin: float, *, scaled: bool) -> Tensor:
    """Return −(2/β) · ln σ(β · NLL − γ) of each answer.

    Args:
        nll: (B,), the mean over each answer's tokens, nats.
        beta: inverse temperature, above 0.
        margin: γ, nats; where it is scaled, γ = β · margin, as in the released code.
        scaled: whether the margin is multiplied by β.
    """
    margin = margin if scaled else margin / beta
    return negative_preference(margin - nll, beta)


class SimNPO(RetainLossMethod):
    """Forget loss: mean of −(2/β) · ln σ(β · NLL(y|x) − margin), the NLL being per token.

    Dividing by the length removes the reference model and NPO's preference for long answers:
    short and well-remembered ones get most of the gradient.
    """

    name = "simnpo"
    summary = "Preference against the forget set's answers by their likelihood per token."
    citation = "Fan et al. 2024, arXiv 2410.07163"
    family = "preference"
    evidence = (("oracle", "tests/methods/test_preference_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00395, "epochs": 4, "retain_weight": 0.3, "beta": 0.429, "margin": 0.444}
    }
    presets: ClassVar[Sequence[Preset]] = tofu_presets(
        "OPTML-Group/Unlearn-Simple, TOFU/config/forget.yaml at ec7be0c and TOFU/README.md",
        {
            "05": {"beta": 2.5, "margin": 0.0, "forget_weight": 0.1375},
            "10": {"beta": 4.5, "margin": 0.0, "forget_weight": 0.125},
        },
    )

    class Config(RetainLossMethod.Config):
        """Adds β, the margin and the fidelity; the weights are those of the authors on TOFU."""

        forget_weight: float = Field(0.125, gt=0, description="weight of the forget term (gamma)")
        beta: float = Field(4.5, gt=0, description="inverse temperature of the NLL per token")
        margin: float = Field(
            0.0,
            ge=0,
            description="reward margin: subtracted from beta * NLL, or (fidelity=released-code) "
            "from NLL, so multiplied by beta",
        )
        fidelity: Literal["paper", "released-code", "muse-code"] = Field(
            "paper",
            description="released-code: the margin is multiplied by beta; muse-code: the "
            "preference against every raw logit, question and padding included",
        )

        search: ClassVar[Mapping[str, Search]] = {
            "beta": "inverse_temperature",
            "margin": FloatRange(0, 2),
        }

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the forget examples."""
        beta, margin = self.config.beta, self.config.margin
        if self.config.fidelity == "muse-code":
            return raw_logit_preference(all_logits(model, batch["forget"]) + margin, beta)
        nll = sequence_nll(model, batch["forget"])
        scaled = self.config.fidelity == "released-code"
        return simple_preference(nll, beta, margin, scaled=scaled).mean()
