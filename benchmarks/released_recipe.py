"""A step as KnowUnDo's released code takes it: one example at a time, padded to a fixed length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from unharness.data.batches import IGNORED, TokenBatch, collate
from unharness.data.encoding import Encoded


def padded(row: Encoded, length: int, pad: int) -> TokenBatch:
    """Return one example, padded to a length in tokens."""
    batch = collate([row], pad)
    missing = (0, length - batch.input_ids.shape[1])
    return TokenBatch(
        functional.pad(batch.input_ids, missing, value=pad),
        functional.pad(batch.attention_mask, missing),
        functional.pad(batch.labels, missing, value=IGNORED),
    )


def released_step(model: Any, batches: Sequence[TokenBatch]) -> float:
    """Add up the gradients of the mean loss over the examples, each passed alone; return the loss.

    The loss is the one that transformers computes from labels: cross-entropy over every position.
    """
    total = 0.0
    for batch in batches:
        loss = model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            labels=batch.labels,
            use_cache=False,
        ).loss / len(batches)
        torch.autograd.backward(loss)
        total += float(loss.detach())
    return total
