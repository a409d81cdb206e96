"""A step as KnowUnDo's released code takes it: one example at a time, padded to a fixed length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from unharness.data.batches import TokenBatch


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
