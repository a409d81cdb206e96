"""JensUn: the Jensen-Shannon divergence to a refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import (
    RetainLoss,
    RetainLossMethod,
    Stream,
    UnlearnContext,
    answer_means,
    scored_log_probs,
    scored_positions,
)

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

KIND = "fixed"


def divergence_from_token(log_probs: Tensor) -> Tensor:
    """Return JSD(onehot(k) ‖ p), element by element, nats, 0 to ln 2.

    It is ln 2 − ½ · ((1 + p_k) · ln(1 + p_k) − p_k · ln p_k): p_k alone is needed.

    Args:
        log_probs: ln p_k, of any shape, float32.
    """
    p = log_probs.exp()
    return math.log(2) - ((1 + p) * p.log1p() - p * log_probs) / 2


class JensUn(RetainLossMethod):
    """Forget loss: mean of JSD(onehot(refusal token) ‖ model), one refusal for every question.

    The retain term is the Jensen-Shannon divergence to the target model. Both are bounded by ln 2.
    """

    name = "jensun"
    summary = "Draws answers to one refusal, and keeps others, by a bounded divergence."
    citation = "Singh et al. 2025, arXiv 2509.02820 (formula from its abstract and secondary text)"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_divergence_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00458, "epochs": 4, "retain_weight": 1.68}
    }

    class Config(RetainLossMethod.Config):
        """Adds the refusal; the retain term is the same divergence."""

        retain_loss: RetainLoss = Field(
            "jsd",
            description="retain term: JSD(reference, model), NLL, KL(reference ‖ model), or none, "
            "which reads no retain set",
        )
        refusal: str = Field("No idea.", min_length=1, description="the answer to every question")

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the forget set's questions with the refusal as answer."""
        return {"forget": Stream("forget", answer=KIND, prepared=True, needs_question=True)}

    def prepare(self, context: UnlearnContext) -> None:
        """Give every question the refusal."""
        answers = (self.config.refusal,)
        texts = {
            split.name: {row.id: answers for row in split.examples}
            for split in context.trainable("forget")
        }
        context.add_alternatives("forget", KIND, texts)

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the examples of the mean over the refusal's tokens."""
        values = divergence_from_token(scored_log_probs(model, batch["forget"]))
        return answer_means(values, scored_positions(batch["forget"])).mean()
