"""A whole plugin for unharness: one unlearning method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from unharness import LossMethod, UnlearnBatch, hookimpl, sequence_nll

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel


class ClippedAscent(LossMethod):
    """Gradient ascent that lets go of an answer once it is unlikely enough.

    Plain ascent goes on pushing for ever, and wrecks the model. Loss: the mean over the forget
    examples of − min(NLL, ceiling); beyond the ceiling an example has no gradient any more.
    """

    name = "clipped-ascent"
    summary = "Gradient ascent that stops at answers that are unlikely enough."

    class Config(LossMethod.Config):
        """Adds the ceiling."""

        ceiling: float = Field(
            4.0, gt=0, le=100, description="nats per token at which an answer is let go of"
        )

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean of − min(NLL, ceiling) over the forget examples (nats per token)."""
        return -sequence_nll(model, batch["forget"]).clamp(max=self.config.ceiling).mean()


@hookimpl
def unharness_methods() -> list[type[LossMethod]]:
    """Register the method."""
    return [ClippedAscent]
