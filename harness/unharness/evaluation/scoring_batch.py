"""How many examples a scoring pass holds: as many as their logits have room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from unharness.errors import ModelError
from unharness.training.device_memory import free_memory, unless_out_of_memory

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

Row = TypeVar("Row")
LOGITS_BYTES = 1 << 30
"""Most bytes of a pass's logits. A constant, so that batches, and with them the rounding of sums,
depend on free memory only where that is scarce."""
SHARE = 4
"""Logits take at most this part of the free memory: copies and float32 values stand beside them."""


def logits_budget(device: torch.device) -> int:
    """Return how many bytes the logits of a scoring pass may take on a device."""
    return min(LOGITS_BYTES, free_memory(device) // SHARE)


def scored_in_batches(
    score: Callable[[Sequence[int]], Sequence[Row]],
    lengths: Mapping[int, int],
    *,
    batch_size: int,
    bytes_per_token: int,
    budget: int,
) -> Iterator[tuple[Sequence[int], Sequence[Row]]]:
    """Yield the indices and the scores of one batch after another, longest examples first.

    A batch that runs out of memory is halved and scored again; smaller ones follow.

    Args:
        score: scores the examples with these indices in one pass.
        lengths: in tokens, by index.
        batch_size: most examples of a pass.
        bytes_per_token: of the logits at one position.
        budget: bytes of all logits of a pass; one example is scored whatever it takes.

    Raises:
        ModelError: the memory does not hold a single example.
    """
    order = sorted(lengths, key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        room = budget // max(1, longest * bytes_per_token)
        part = order[start : start + max(1, min(batch_size, room))]
        rows = unless_out_of_memory(partial(score, part))
        if rows is None:
            if len(part) == 1:
                raise ModelError(
                    f"out of memory: one example of {longest} tokens does not fit; "
                    "use a device with more memory"
                )
            batch_size = len(part) // 2
            continue
        yield part, rows
        start += len(part)


def bytes_per_token(model: LanguageModel) -> int:
    """Return the size of a model's logits at one position."""
    dtype: torch.dtype = model.dtype
    return int(model.config.get_text_config().vocab_size) * dtype.itemsize
