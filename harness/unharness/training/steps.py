"""What an optimizer step consists of: micro-batches, and the share of each in the gradient."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

import torch

from unharness.data.batches import (
    ReferenceModel,
    TokenBatch,
    UnlearnBatch,
    collate,
    length_grouped,
)
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


def in_parts(step: Step, size: int) -> Step:
    """Return a step whose micro-batches hold at most `size` examples; its gradient is the same."""
    pieces = []
    for micro in step.micro_batches:
        count = _examples(step, micro)
        for part in _parts(range(count), size):
            share = len(part) / count
            make = partial(_rows, micro.make, part)
            pieces.append(MicroBatch(make, micro.share * share, round(micro.tokens * share)))
    return Step(tuple(pieces), step.examples)


def largest_micro_batch(step: Step) -> int:
    """Return the number of examples of the largest micro-batch."""
    return max(_examples(step, micro) for micro in step.micro_batches)


def _examples(step: Step, micro: MicroBatch) -> int:
    return round(micro.share * step.examples)


def _rows(make: Callable[[], Batch], indices: Sequence[int]) -> Batch:
    return make().rows(indices)


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


class Rows(ABC):
    """The examples of a stream, as tokens, in the order in which batches take them."""

    def __init__(self) -> None:
        self._taken: dict[tuple[int, ...], Encoded] = {}

    @abstractmethod
    def take(self, indices: Sequence[int], epoch: int) -> list[Encoded]:
        """Return one row for each of these forget examples, and remember them as taken."""

    def taken(self) -> list[Encoded]:
        """Return the rows that the steps planned so far read, each once."""
        return list(self._taken.values())

    def _remember(self, rows: list[Encoded]) -> list[Encoded]:
        self._taken.update((row.input_ids, row) for row in rows)
        return rows


class AlignedRows(Rows):
    """Rows that belong to the forget examples, one each; perhaps others in every epoch."""

    def __init__(self, *epochs: Sequence[Encoded]) -> None:
        super().__init__()
        self._epochs = epochs

    def of_epoch(self, epoch: int) -> Sequence[Encoded]:
        """Return the rows of an epoch; epochs go round where there are fewer lists."""
        return self._epochs[epoch % len(self._epochs)]

    def take(self, indices: Sequence[int], epoch: int) -> list[Encoded]:
        """Return the rows of these examples, in this order."""
        rows = self.of_epoch(epoch)
        return self._remember([rows[index] for index in indices])


class CyclingRows(Rows):
    """Rows that go round and round, each round in another order, so that all are seen evenly."""

    def __init__(self, rows: Sequence[Encoded], order: random.Random) -> None:
        super().__init__()
        self._rows = rows
        self._indices = _endless(len(rows), order)
        self.drawn: list[int] = []
        """Which rows were taken last, in their order."""

    def take(self, indices: Sequence[int], epoch: int) -> list[Encoded]:
        """Return the next rows, longest first, as the examples that they join are."""
        drawn = islice(self._indices, len(indices))
        self.drawn = sorted(drawn, key=lambda index: -len(self._rows[index].input_ids))
        return self._remember([self._rows[index] for index in self.drawn])


class FollowingRows(Rows):
    """Rows that belong to those of another stream, one each, and are taken with them."""

    def __init__(self, rows: Sequence[Encoded], leader: CyclingRows) -> None:
        super().__init__()
        self._rows = rows
        self._leader = leader

    def take(self, indices: Sequence[int], epoch: int) -> list[Encoded]:
        """Return the rows of what the leader took last, in its order."""
        return self._remember([self._rows[index] for index in self._leader.drawn])


def unlearn_steps(
    streams: Mapping[str, Rows],
    *,
    epochs: int,
    batch_size: int,
    micro_batch_size: int | None,
    pad_token_id: int,
    order: random.Random,
    reference: ReferenceModel | None = None,
) -> list[Step]:
    """Plan the steps of an unlearning.

    An epoch is one pass over the stream "forget", whose rows are aligned. Every forget example is
    joined by one row of each other stream.
    """
    forget = streams["forget"]
    assert isinstance(forget, AlignedRows)
    total = epochs * math.ceil(len(forget.of_epoch(0)) / batch_size)
    size = micro_batch_size or batch_size
    steps: list[Step] = []
    for epoch in range(epochs):
        lengths = [len(row.input_ids) for row in forget.of_epoch(epoch)]
        for indices in length_grouped(lengths, batch_size, order):
            taken = {name: rows.take(indices, epoch) for name, rows in streams.items()}
            pieces = []
            for start in range(0, len(indices), size):
                part = {name: rows[start : start + size] for name, rows in taken.items()}
                make = partial(_unlearn_batch, part, pad_token_id, reference, len(steps), total)
                tokens = sum(len(row.input_ids) for rows in part.values() for row in rows)
                pieces.append((indices[start : start + size], make, tokens))
            steps.append(_step(indices, pieces))
    return steps


def _unlearn_batch(
    rows: Mapping[str, Sequence[Encoded]],
    pad_token_id: int,
    reference: ReferenceModel | None,
    step: int,
    total: int,
) -> UnlearnBatch:
    streams = {name: collate(part, pad_token_id) for name, part in rows.items()}
    return UnlearnBatch(streams, reference, step, total)


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
