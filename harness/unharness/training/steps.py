"""What an optimizer step consists of: micro-batches, and the share of each in the gradient."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import torch

from unharness.data.batches import Reference, TokenBatch, UnlearnBatch, collate, length_grouped
from unharness.data.encoding import Encoded


class Batch(Protocol):
    """Anything the loop can feed to a loss."""

    @property
    def size(self) -> int:
        """The number of examples that the gradient is averaged over."""

    def rows(self, indices: Sequence[int]) -> Batch:
        """Return the batch of some of its examples."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Return the batch on another device."""


@dataclass(frozen=True)
class MicroBatch:
    """One forward and backward pass of a step."""

    make: Callable[[], Batch]
    share: float
    """This pass's examples as a share of the step's; the shares of a step add up to 1."""
    tokens: int
    """Tokens that the pass reads, padding left out."""


@dataclass(frozen=True)
class Step:
    """One optimizer step."""

    micro_batches: tuple[MicroBatch, ...]
    examples: int


def fine_tune_steps(
    rows: Sequence[Encoded],
    *,
    epochs: int,
    batch_size: int,
    micro_batch_size: int | None,
    pad_token_id: int,
    order: random.Random,
) -> list[Step]:
    """Plan the steps of a training on one set of examples."""

    def batch(indices: Sequence[int]) -> Callable[[], TokenBatch]:
        return lambda: collate([rows[index] for index in indices], pad_token_id)

    lengths = [len(row.input_ids) for row in rows]
    steps = []
    for _ in range(epochs):
        for indices in length_grouped(lengths, batch_size, order):
            parts = list(_parts(indices, micro_batch_size or batch_size))
            steps.append(
                _step(
                    indices, [(part, batch(part), sum(lengths[i] for i in part)) for part in parts]
                )
            )
    return steps


def unlearn_steps(
    forget: Sequence[Encoded],
    retain: Sequence[Encoded] | None,
    general: Sequence[Encoded] | None = None,
    *,
    epochs: int,
    batch_size: int,
    micro_batch_size: int | None,
    pad_token_id: int,
    order: random.Random,
    reference: Reference | None = None,
) -> list[Step]:
    """Plan the steps of an unlearning.

    An epoch is one pass over the forget set. Where a method uses the retain set or general text,
    every forget example is joined by one example of it; these go round and round, so that all
    are seen evenly (a random partner for each would leave some out).
    """
    retained = _Partners(retain, order) if retain else None
    generals = _Partners(general, order) if general else None

    def batch(
        part: Sequence[int], left: Sequence[Encoded], right: Sequence[Encoded]
    ) -> Callable[[], UnlearnBatch]:
        return lambda: UnlearnBatch(
            collate([forget[index] for index in part], pad_token_id),
            collate(left, pad_token_id) if left else None,
            reference,
            collate(right, pad_token_id) if right else None,
        )

    lengths = [len(row.input_ids) for row in forget]
    size = micro_batch_size or batch_size
    steps = []
    for _ in range(epochs):
        for indices in length_grouped(lengths, batch_size, order):
            left = retained.take(len(indices)) if retained else []
            right = generals.take(len(indices)) if generals else []
            pieces = []
            for start in range(0, len(indices), size):
                at = slice(start, start + size)
                part, others = indices[at], (left[at], right[at])
                tokens = sum(lengths[index] for index in part)
                tokens += sum(len(row.input_ids) for rows in others for row in rows)
                pieces.append((part, batch(part, *others), tokens))
            steps.append(_step(indices, pieces))
    return steps


class _Partners:
    """Examples that go round and round, each round in another order."""

    def __init__(self, rows: Sequence[Encoded], order: random.Random) -> None:
        self._rows = rows
        self._indices = _endless(len(rows), order)

    def take(self, count: int) -> list[Encoded]:
        """Return the next ones, longest first, as the examples that they join are."""
        rows = [self._rows[index] for index in islice(self._indices, count)]
        return sorted(rows, key=lambda row: -len(row.input_ids))


def _step(
    indices: Sequence[int], pieces: Sequence[tuple[Sequence[int], Callable[[], Batch], int]]
) -> Step:
    return Step(
        tuple(MicroBatch(make, len(part) / len(indices), tokens) for part, make, tokens in pieces),
        len(indices),
    )


def _parts(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _endless(count: int, order: random.Random) -> Iterator[int]:
    while True:
        indices = list(range(count))
        order.shuffle(indices)
        yield from indices
