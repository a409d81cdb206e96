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
    *,
    epochs: int,
    batch_size: int,
    micro_batch_size: int | None,
    pad_token_id: int,
    order: random.Random,
    reference: Reference | None = None,
) -> list[Step]:
    """Plan the steps of an unlearning.

    An epoch is one pass over the forget set. Where a method uses the retain set, every forget
    example is joined by one retain example; these go round and round through the retain set, so
    that all of it is seen evenly (a random partner for each would leave some of it out).
    """
    partners = _endless(len(retain), order) if retain else None

    def batch(part: Sequence[int], others: Sequence[int]) -> Callable[[], UnlearnBatch]:
        def make() -> UnlearnBatch:
            left = collate([forget[index] for index in part], pad_token_id)
            if not retain:
                return UnlearnBatch(left)
            right = collate([retain[index] for index in others], pad_token_id)
            return UnlearnBatch(left, right, reference)

        return make

    lengths = [len(row.input_ids) for row in forget]
    steps = []
    for _ in range(epochs):
        for indices in length_grouped(lengths, batch_size, order):
            chosen = list(islice(partners, len(indices))) if partners and retain else []
            if retain:
                chosen.sort(key=lambda index: -len(retain[index].input_ids))
            pieces = []
            size = micro_batch_size or batch_size
            for part, others in zip(
                _parts(indices, size), _parts(chosen, size) if chosen else _empty(), strict=False
            ):
                tokens = sum(lengths[index] for index in part)
                tokens += sum(len(retain[index].input_ids) for index in others) if retain else 0
                pieces.append((part, batch(part, others), tokens))
            steps.append(_step(indices, pieces))
    return steps


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


def _empty() -> Iterator[Sequence[int]]:
    while True:
        yield ()


def _endless(count: int, order: random.Random) -> Iterator[int]:
    while True:
        indices = list(range(count))
        order.shuffle(indices)
        yield from indices
