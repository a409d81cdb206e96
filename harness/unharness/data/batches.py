"""Batches of tokens, padded to the longest of the batch and grouped by length."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unharness.data.encoding import Encoded

if TYPE_CHECKING:
    import torch

IGNORED = -100
# Examples are sorted by length within groups of this many batches: long enough that a batch
# holds equal lengths, short enough that the order still differs from epoch to epoch.
GROUP = 10


@dataclass(frozen=True)
class TokenBatch:
    """Some examples as tensors."""

    input_ids: torch.Tensor
    """(B, T) int64, padded on the right."""
    attention_mask: torch.Tensor
    """(B, T) int64, 1 where there is a token."""
    labels: torch.Tensor
    """(B, T) int64, the token itself where it is scored, else -100."""

    @property
    def size(self) -> int:
        """The number of examples, B."""
        return int(self.input_ids.shape[0])

    def token_rows(self) -> list[tuple[int, ...]]:
        """Return each example's tokens without padding: what it can be known by."""
        lengths = self.attention_mask.sum(dim=1).tolist()
        rows = self.input_ids.tolist()
        return [tuple(row[:length]) for row, length in zip(rows, lengths, strict=True)]

    def rows(self, indices: Sequence[int]) -> TokenBatch:
        """Return some of the examples, padded as before."""
        chosen = list(indices)
        return TokenBatch(self.input_ids[chosen], self.attention_mask[chosen], self.labels[chosen])

    def to(self, device: torch.device | str, non_blocking: bool = False) -> TokenBatch:
        """Return the batch on another device."""
        return TokenBatch(
            self.input_ids.to(device, non_blocking=non_blocking),
            self.attention_mask.to(device, non_blocking=non_blocking),
            self.labels.to(device, non_blocking=non_blocking),
        )


Reference = Callable[[TokenBatch], "torch.Tensor"]
"""A batch to the reference model's logits, (B, T, V), without gradient; right where the next
token is scored, undefined elsewhere."""


@dataclass(frozen=True)
class UnlearnBatch:
    """What a method sees at a time: some of the forget set, and what else it asked for."""

    forget: TokenBatch
    retain: TokenBatch | None = None
    reference: Reference | None = None
    """Gives what the frozen target model says to `retain` and `general`."""
    general: TokenBatch | None = None
    """Text that has nothing to do with the task."""

    @property
    def size(self) -> int:
        """The number of forget examples."""
        return self.forget.size

    def rows(self, indices: Sequence[int]) -> UnlearnBatch:
        """Return some of the forget examples, with those that join them."""
        retain, general = (
            other.rows(indices) if other is not None else None
            for other in (self.retain, self.general)
        )
        return UnlearnBatch(self.forget.rows(indices), retain, self.reference, general)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> UnlearnBatch:
        """Return the batch on another device."""
        retain, general = (
            other.to(device, non_blocking) if other is not None else None
            for other in (self.retain, self.general)
        )
        return UnlearnBatch(self.forget.to(device, non_blocking), retain, self.reference, general)


def collate(rows: Sequence[Encoded], pad_token_id: int) -> TokenBatch:
    """Make a batch of encoded examples, padded on the right to the longest of them."""
    import torch

    length = max(len(row.input_ids) for row in rows)
    input_ids = torch.full((len(rows), length), pad_token_id, dtype=torch.long)
    attention_mask = torch.zeros((len(rows), length), dtype=torch.long)
    labels = torch.full((len(rows), length), IGNORED, dtype=torch.long)
    for index, row in enumerate(rows):
        ids = torch.tensor(row.input_ids, dtype=torch.long)
        input_ids[index, : len(ids)] = ids
        attention_mask[index, : len(ids)] = 1
        # Position 0 is predicted by nothing, so it can never be scored.
        start = max(1, row.answer_start)
        labels[index, start : len(ids)] = ids[start:]
    return TokenBatch(input_ids, attention_mask, labels)


def length_grouped(
    lengths: Sequence[int], batch_size: int, order: random.Random
) -> list[list[int]]:
    """Split the indices 0 … n-1 into batches of similar lengths, in a random order.

    Every index occurs exactly once; at most one batch is smaller than `batch_size`.
    """
    indices = list(range(len(lengths)))
    order.shuffle(indices)
    batches = []
    for start in range(0, len(indices), batch_size * GROUP):
        group = sorted(indices[start : start + batch_size * GROUP], key=lambda i: -lengths[i])
        batches += [group[at : at + batch_size] for at in range(0, len(group), batch_size)]
    order.shuffle(batches)
    return batches
