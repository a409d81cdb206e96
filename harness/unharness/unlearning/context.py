"""What a method is given: the target model, the data, and what it may use.

torch is imported when it is needed, so that plugins are listed without it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Role, Split
from unharness.data.task_data import TaskData
from unharness.data.templates import PLAIN, effective_template
from unharness.errors import MethodError
from unharness.progress import OnStep
from unharness.training.log import TrainingLog

if TYPE_CHECKING:
    import torch

    from unharness.data.batches import TokenBatch


def derived_seed(seed: int, purpose: str) -> int:
    """Return a seed for a purpose: random draws for one purpose never shift those for another."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


@dataclass
class UnlearnContext:
    """What a method works on. It changes `model`; the rest it reads."""

    model: Any
    """The target model, on its device, in evaluation mode; a PEFT model under LoRA."""
    tokenizer: Any
    splits: TaskData
    """All of the task's data. Splits that are not trainable are for measuring: a method that reads
    them cheats, and must say so in its hyperparameters."""
    seed: int
    max_length: int
    """In tokens."""
    device: str
    retrain: Callable[[int], Any]
    """seed -> the base model trained by the target's recipe on what it learned, without the
    forget splits."""
    template: str = PLAIN
    """Of splits that name none."""
    on_step: OnStep | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    """Call it with how much of how much is done, where work before training takes a while."""
    log: TrainingLog = field(default_factory=TrainingLog)
    """What the training did; a method that trains by itself fills it."""
    report: dict[str, Any] = field(default_factory=dict)
    """What a method wants in the record: JSON values by name."""
    held_back: set[str] = field(default_factory=set)
    """Tensors that were to be trained and that the method kept from moving on purpose, by name;
    they get no warning. What `select_parameters` leaves out is not to be trained at all."""
    truncated: dict[str, int] = field(default_factory=dict)
    """By split: how many examples were longer than `max_length`."""
    derived_seeds: dict[str, int] = field(default_factory=dict)

    def derive_seed(self, purpose: str) -> int:
        """Return the seed for a purpose, and keep it for the record."""
        self.derived_seeds[purpose] = derived_seed(self.seed, purpose)
        return self.derived_seeds[purpose]

    def rng(self, purpose: str) -> random.Random:
        """Return a random generator, seeded for a purpose."""
        return random.Random(self.derive_seed(purpose))

    def torch_generator(self, purpose: str) -> torch.Generator:
        """Return a torch generator on the CPU, seeded for a purpose."""
        import torch

        return torch.Generator().manual_seed(self.derive_seed(purpose))

    def trainable(self, role: Role) -> tuple[Split, ...]:
        """Return the splits of a role that a method may read.

        Raises:
            MethodError: there are none.
        """
        splits = self.splits.trainable(role)
        if not splits:
            raise MethodError(f"the task has no {role} split that a method may read")
        return splits

    def encode(self, splits: Role | Sequence[Split]) -> list[Encoded]:
        """Return the examples that have a scored token as tokens, without end token.

        Args:
            splits: a role: its splits that methods may read; or splits by themselves.

        Raises:
            MethodError: there are none, or none has an answer within `max_length`.
        """
        splits = self.trainable(splits) if isinstance(splits, str) else splits
        rows = [row for rows in self.encode_each(splits) for row in rows if row.scored]
        if not rows:
            place = ", ".join(split.name for split in splits)
            raise MethodError(f"{place}: no answer begins within {self.max_length} tokens")
        return rows

    def encode_each(self, splits: Sequence[Split]) -> list[list[Encoded]]:
        """Return all rows of every split, those without a scored token included."""
        found = []
        for split in splits:
            rows = encode_examples(
                self.tokenizer,
                split.examples,
                self.max_length,
                end_token=False,
                template=effective_template(split, self.template),
                kind=split.kind,
            )
            if cut := sum(row.truncated for row in rows):
                self.truncated[split.name] = max(cut, self.truncated.get(split.name, 0))
            found.append(rows)
        return found

    def batches(self, rows: Sequence[Encoded], batch_size: int) -> Iterator[TokenBatch]:
        """Yield the examples once, longest first, as batches on the model's device."""
        from unharness.data.batches import collate

        ordered = sorted(rows, key=lambda row: -len(row.input_ids))
        for start in range(0, len(ordered), batch_size):
            batch = collate(ordered[start : start + batch_size], self.tokenizer.pad_token_id)
            yield batch.to(self.device)
