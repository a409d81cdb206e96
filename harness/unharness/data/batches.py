"""Batches of tokens, padded to the longest of the batch and grouped by length."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from unharness.data.encoding import Encoded
from unharness.errors import MethodError

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


class ReferenceModel(Protocol):
    """The frozen target model: what it says of the examples of a stream, without gradient."""

    def log_probs(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the log-probabilities of the true tokens, (B, T-1) float32."""

    def logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the logits, (B, T, V)."""

    def scored_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the logits that predict scored tokens, (N, V)."""

    def hidden(self, stream: str, batch: TokenBatch, layer: int) -> torch.Tensor:
        """Return a decoder block's output, (B, T, H)."""


@dataclass(frozen=True)
class BatchReference:
    """What the reference model says of a batch's examples."""

    model: ReferenceModel
    batch: UnlearnBatch

    def log_probs(self, stream: str) -> torch.Tensor:
        """Return the log-probability of every scored token of a stream.

        Returns:
            (B, T-1) float32, nats; entry t is for the token at t+1, 0 where that is not scored.

        Raises:
            MethodError: the stream does not ask for them; so do the others.
        """
        return self.model.log_probs(stream, self.batch[stream])

    def logits(self, stream: str) -> torch.Tensor:
        """Return the logits, (B, T, V); undefined where the next token is not scored.

        A stream with `everywhere` gets them at every position, padding included.
        """
        return self.model.logits(stream, self.batch[stream])

    def scored_logits(self, stream: str) -> torch.Tensor:
        """Return the logits of the positions whose next token is scored, (N, V).

        They come in the order of the batch's rows. Where T is long or V large they take a fraction
        of the memory that `logits` takes.
        """
        return self.model.scored_logits(stream, self.batch[stream])

    def hidden(self, stream: str, layer: int) -> torch.Tensor:
        """Return the output of decoder block `layer`, (B, T, H); 0 in padding."""
        return self.model.hidden(stream, self.batch[stream], layer)


@dataclass(frozen=True)
class UnlearnBatch:
    """Some of the forget set, and what joins it: a TokenBatch of equal size for every stream."""

    streams: Mapping[str, TokenBatch]
    """By name; "forget" always."""
    reference_model: ReferenceModel | None = None
    step: int = 0
    """Number of the optimizer step, from 0."""
    total_steps: int = 1

    def __getitem__(self, stream: str) -> TokenBatch:
        """Return the examples of a stream.

        Raises:
            MethodError: the method declared no such stream.
        """
        if stream not in self.streams:
            raise MethodError(
                f"no stream {stream!r} in the batch ({', '.join(self.streams)}); "
                "declare it in streams()"
            )
        return self.streams[stream]

    @property
    def reference(self) -> BatchReference:
        """What the frozen target model says of this batch.

        Raises:
            MethodError: no stream asks for anything.
        """
        if self.reference_model is None:
            raise MethodError(
                "no stream asks the reference model for anything; declare it in streams(), as in "
                'Stream("retain", reference={"logits"})'
            )
        return BatchReference(self.reference_model, self)

    @property
    def size(self) -> int:
        """The number of forget examples."""
        return self["forget"].size

    def rows(self, indices: Sequence[int]) -> UnlearnBatch:
        """Return some of the forget examples, with those that join them."""
        return replace(
            self, streams={name: batch.rows(indices) for name, batch in self.streams.items()}
        )

    def to(self, device: torch.device | str, non_blocking: bool = False) -> UnlearnBatch:
        """Return the batch on another device."""
        return replace(
            self,
            streams={name: batch.to(device, non_blocking) for name, batch in self.streams.items()},
        )


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


def padded(batch: TokenBatch, length: int, pad_token_id: int) -> TokenBatch:
    """Return the batch, padded on the right to a length in tokens."""
    from torch.nn.functional import pad

    missing = (0, length - batch.input_ids.shape[1])
    return TokenBatch(
        pad(batch.input_ids, missing, value=pad_token_id),
        pad(batch.attention_mask, missing),
        pad(batch.labels, missing, value=IGNORED),
    )


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
