"""Log-ratios of the trained model to the reference, the frozen target model.

A stream that is asked for them declares `reference={"log_probs"}`. Both models' log-probabilities
are float32. At the first step of full tuning, where no dropout is drawn, every ratio is 0 up to
rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unharness.training.likelihood import scored_log_probs

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import UnlearnBatch
    from unharness.model_types import LanguageModel


def token_log_ratios(model: LanguageModel, batch: UnlearnBatch, stream: str) -> Tensor:
    """Return ln p(y_t) − ln p_reference(y_t) of every scored token of a stream.

    Returns:
        (B, T-1) float32, nats, with gradient; 0 where no token is scored.

    Raises:
        MethodError: the stream does not ask the reference for log-probabilities.
    """
    wanted = batch.reference.log_probs(stream)
    return scored_log_probs(model, batch[stream]) - wanted


def sequence_log_ratios(model: LanguageModel, batch: UnlearnBatch, stream: str) -> Tensor:
    """Return ln p(y|x) − ln p_reference(y|x) of every example: sums over tokens, (B,), nats.

    Raises:
        MethodError: the stream does not ask the reference for log-probabilities.
    """
    return token_log_ratios(model, batch, stream).sum(dim=1)
