"""Ascent with a weight for every token: WGA, TNPO, WTNPO and SatImp.

The weights are made of the model's own probabilities, in float32, and get no gradient.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import Search, Stream, scored_log_probs, scored_positions
from unharness_methods.token_loss import TokenLossMethod

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

EPSILON = 1e-5
"""In TNPO's denominator, as in the released code."""


def saturation(log_probs: Tensor, beta: float) -> Tensor:
    """Return p^β: tokens that are still likely weigh most."""
    return (beta * log_probs).exp()


def importance(log_probs: Tensor, beta: float) -> Tensor:
    """Return (1 − p)^β: tokens that the model is not sure of weigh most."""
    return (-log_probs.expm1()).clamp(min=0) ** beta


def ratio_weights(log_probs: Tensor, reference: Tensor, beta: float, extra: float = 0.0) -> Tensor:
    """Return 2 · p^(β + extra) / (p^β + r^β + ε): the weight of NPO, token by token.

    Args:
        log_probs: ln p under the model, of any shape, nats.
        reference: ln r under the target model, of the same shape.
        beta: inverse temperature, above 0.
        extra: exponent of a further p, 0 in TNPO.
    """
    likely = (beta * log_probs).exp()
    return 2 * likely * (extra * log_probs).exp() / (likely + (beta * reference).exp() + EPSILON)


class TokenWeighted(TokenLossMethod):
    """Forget loss: mean of w_t · ln p(y_t), w_t a weight without gradient."""

    family = "token weights"
    evidence = (("oracle", "tests/methods/test_token_weights.py"),)

    @abstractmethod
    def weights(self, log_probs: Tensor, batch: UnlearnBatch) -> Tensor:
        """Return the weight of every token, (B, T-1), from its log-probability.

        Args:
            log_probs: (B, T-1) float32, without gradient; 0 where no token is scored.
            batch: gives the reference, where a method asks for it.
        """

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted log-probability of the forget set's tokens, in the mean (nats)."""
        log_probs = scored_log_probs(model, batch["forget"])
        weights = self.weights(log_probs.detach(), batch)
        return self.mean(weights * log_probs, scored_positions(batch["forget"]))


class WGA(TokenWeighted):
    """Forget loss: mean of p^β · ln p, p^β without gradient.

    The gradient is that of the mean of p^β / β, which is bounded below, unlike ascent.
    """

    name = "wga"
    summary = "Ascent in which a token weighs less as it becomes less likely."
    citation = "Wang et al. 2025, arXiv 2502.19301 (WGA)"
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00315, "epochs": 4, "retain_weight": 1.16, "beta": 6.07}
    }

    class Config(TokenWeighted.Config):
        """Adds the exponent."""

        beta: float = Field(1.0, gt=0, description="exponent of the token's probability")

        search: ClassVar[Mapping[str, Search]] = {"beta": "inverse_temperature"}

    def weights(self, log_probs: Tensor, batch: UnlearnBatch) -> Tensor:
        """Return p^β."""
        return saturation(log_probs, self.config.beta)


class TNPO(TokenWeighted):
    """Forget loss: mean of w · ln p, with w = 2 · p^β / (p^β + r^β + ε), r the target model's p.

    The gradient is, but for ε, that of the mean of (2/β) · ln(1 + (p/r)^β): NPO of tokens.
    """

    name = "tnpo"
    summary = "Negative preference token by token, relative to the target model."
    citation = "Wang et al. 2025, arXiv 2502.19301 (TNPO)"
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00709, "epochs": 4, "retain_weight": 0.0782, "beta": 2.08}
    }

    class Config(TokenWeighted.Config):
        """Adds the exponent."""

        beta: float = Field(4.0, gt=0, description="inverse temperature of the token's log-ratio")

        search: ClassVar[Mapping[str, Search]] = {"beta": "inverse_temperature"}

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the forget set, with the reference's log-probabilities."""
        return {"forget": Stream("forget", reference={"log_probs"})}

    def weights(self, log_probs: Tensor, batch: UnlearnBatch) -> Tensor:
        """Return the weight of the ratio to the reference."""
        return ratio_weights(log_probs, batch.reference.log_probs("forget"), self.config.beta)


class WTNPO(TNPO):
    """Forget loss: that of TNPO, every weight times p^extra."""

    name = "wtnpo"
    summary = "TNPO in which unlikely tokens weigh less still."
    citation = "Wang et al. 2025, arXiv 2502.19301 (WTNPO)"
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.000388, "epochs": 4, "retain_weight": 0.573, "beta": 2.66, "extra": 0.154}
    }

    class Config(TNPO.Config):
        """Adds the exponent of the further probability."""

        extra: float = Field(1.5, gt=0, description="exponent of a further factor p")

        search: ClassVar[Mapping[str, Search]] = {"extra": "inverse_temperature"}

    def weights(self, log_probs: Tensor, batch: UnlearnBatch) -> Tensor:
        """Return TNPO's weights times p^extra."""
        reference = batch.reference.log_probs("forget")
        return ratio_weights(log_probs, reference, self.config.beta, self.config.extra)


class SatImp(TokenWeighted):
    """Forget loss: mean of p^β₁ · (1 − p)^β₂ · ln p, the two factors without gradient."""

    name = "satimp"
    summary = "Ascent that weighs tokens by how likely and how uncertain they are."
    citation = "Yang et al. 2025, arXiv 2505.11953"
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00185, "epochs": 4, "retain_weight": 0.161, "beta1": 1.47, "beta2": 0.102}
    }

    class Config(TokenWeighted.Config):
        """Adds the two exponents; the retain weight is that of the released code."""

        retain_weight: float = Field(
            0.1, ge=0, description="weight of the retain term (alpha); 0 leaves it out"
        )
        beta1: float = Field(5.0, ge=0, description="exponent of p (saturation)")
        beta2: float = Field(0.1, ge=0, description="exponent of 1 - p (importance)")

        search: ClassVar[Mapping[str, Search]] = {
            "beta1": "inverse_temperature",
            "beta2": "inverse_temperature",
        }

    def weights(self, log_probs: Tensor, batch: UnlearnBatch) -> Tensor:
        """Return p^β₁ · (1 − p)^β₂."""
        config: SatImp.Config = self.config
        return saturation(log_probs, config.beta1) * importance(log_probs, config.beta2)
