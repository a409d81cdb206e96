"""Teacher-forced passes of two models over the same answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from unharness.data.batches import collate
from unharness.data.encoding import Encoded
from unharness.errors import ModelError
from unharness.evaluation.scoring_batch import bytes_per_token, logits_budget, scored_in_batches
from unharness.training.divergence import position_kl
from unharness.training.scored_logits import scored_logits, scored_positions

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

BATCH_SIZE = 32
Pair = tuple[Encoded, Encoded]
"""The same answer tokens after the prompt of either model."""


def score_pairs(
    model: LanguageModel,
    reference: LanguageModel,
    answers: Sequence[Sequence[Pair]],
    pad_token_id: int,
    *,
    batch_size: int = BATCH_SIZE,
    on_done: Callable[[int, int], None] | None = None,
) -> list[tuple[float, ...] | None]:
    """Return KL(reference ‖ model) at every scored token, nats.

    Args:
        model: in evaluation mode, on its device.
        reference: of the same vocabulary, on the same device.
        answers: each as one window or several.
        pad_token_id: of both.
        batch_size: most windows of a forward pass.
        on_done: told how many of how many windows are done.

    Returns:
        One entry an answer; None where it has no window.

    Raises:
        ModelError: a probability is not finite, or the memory does not hold a single window.
    """
    flat = [(at, pair) for at, windows in enumerate(answers) for pair in windows]
    lengths = {
        index: max(len(row.input_ids) for row in pair) for index, (_, pair) in enumerate(flat)
    }

    def score(part: Sequence[int]) -> list[list[float]]:
        return _score_batch(model, reference, [flat[index][1] for index in part], pad_token_id)

    found: list[list[float]] = [[] for _ in flat]
    done = 0
    for part, rows in scored_in_batches(
        score,
        lengths,
        batch_size=batch_size,
        bytes_per_token=bytes_per_token(model) + bytes_per_token(reference),
        budget=logits_budget(model.device),
    ):
        for index, row in zip(part, rows, strict=True):
            found[index] = row
        done += len(part)
        if on_done:
            on_done(done, len(flat))
    joined: list[list[float]] = [[] for _ in answers]
    for (at, _), row in zip(flat, found, strict=True):
        joined[at] += row
    return [tuple(row) if row else None for row in joined]


@torch.inference_mode()
def _score_batch(
    model: LanguageModel, reference: LanguageModel, pairs: Sequence[Pair], pad_token_id: int
) -> list[list[float]]:
    own, counts = _answer_logits(model, [pair[0] for pair in pairs], pad_token_id)
    other, _ = _answer_logits(reference, [pair[1] for pair in pairs], pad_token_id)
    values = position_kl(own, other).clamp_(min=0.0)
    if not bool(torch.isfinite(values).all()):
        raise ModelError("the model's probabilities are not finite: its weights have run away")
    return [part.tolist() for part in values.cpu().split(counts)]


def _answer_logits(
    model: LanguageModel, rows: Sequence[Encoded], pad_token_id: int
) -> tuple[torch.Tensor, list[int]]:
    """Return the logits that predict scored tokens, (N, V), and how many each row has."""
    batch = collate(rows, pad_token_id).to(model.device)
    return scored_logits(model, batch), scored_positions(batch).sum(dim=1).tolist()
