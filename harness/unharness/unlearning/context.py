"""What a method is given: the target model, the data, and what it may use.

torch is imported when it is needed, so that plugins are listed without it.
"""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Role, Split
from unharness.data.recipe import FineTuneConfig, Precision
from unharness.data.task_data import TaskData
from unharness.data.templates import CHAT, PLAIN, effective_template, prompt_text
from unharness.engines.engine import Sampling
from unharness.errors import MethodError
from unharness.models.lora import is_adapted, merged
from unharness.models.states import State, combined, model_state, with_state
from unharness.models.trained import TrainedModel, fine_tune, training_log
from unharness.progress import OnStep
from unharness.training.checkpoints import Checkpoints
from unharness.training.kept_states import KeptStates
from unharness.training.log import TrainingLog

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from unharness.data.batches import TokenBatch
    from unharness.model_types import LanguageModel
    from unharness.unlearning.method import Method


def derived_seed(seed: int, purpose: str) -> int:
    """Return a seed for a purpose: random draws for one purpose never shift those for another."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


Tuner = Callable[[Literal["base", "target"], Sequence[Split], FineTuneConfig], TrainedModel]


def readable_splits(data: TaskData, method: Method) -> TaskData:
    """Return what a method may read: trainable splits, with the texts that it declares."""
    streams = method.streams().values()
    answers = {*method.alternatives, *(stream.answer for stream in streams)}
    prompts = {stream.prompt for stream in streams}
    return TaskData.of(
        (
            split.with_examples(example.stripped(answers, prompts) for example in split.examples)
            for split in data.splits.values()
            if split.trainable or method.reads_all_splits
        ),
        data.origin,
    )


@dataclass
class UnlearnContext:
    """What a method works on. It changes `model`; the rest it reads."""

    model: LanguageModel
    """The target model, on its device, in evaluation mode; a PEFT model under LoRA."""
    tokenizer: PreTrainedTokenizerBase
    splits: TaskData
    """The task's splits that methods may read; all of them where the method declares
    `reads_all_splits`. Splits that are not trainable are for measuring: a method that trains on
    them cheats, and must say so in its hyperparameters."""
    seed: int
    max_length: int
    """In tokens."""
    device: str
    tuner: Tuner | None = None
    """Trains what starts at the base or the target model; see `fine_tune`."""
    target_recipe: FineTuneConfig | None = field(default_factory=FineTuneConfig)
    """How the target model learned what it knows; None for a given target, unless the method
    trains its base anew."""
    template: str = PLAIN
    """Of splits that name none."""
    precision: Precision = "float32"
    """Of the arithmetic of training."""
    on_step: OnStep | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    """Call it with how much of how much is done, where work before training takes a while."""
    note: Callable[[str], None] = lambda text: None
    """Call it with what the user should know and the record should say, in a line."""
    checkpoints: Checkpoints | None = None
    """Where the training of a LossMethod is looked at on its way."""
    kept_states: KeptStates | None = None
    """Where states of trainings are kept, so that one that is interrupted goes on from there."""
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

    def fine_tune(
        self,
        start: Literal["base", "target"] | State,
        splits: Sequence[Split],
        recipe: FineTuneConfig | None = None,
        seed: int | None = None,
    ) -> dict[str, Tensor]:
        """Return the state of a model after training on the answers of some splits.

        The context's own model stays as it is; `load_state` takes the result over. What starts at
        the base or the target model is kept in the cache. A model that starts at the base learns
        the general facts of its preset as well, as the target did. Whole weights that start at a
        state are trained, and returned, in float32.

        Args:
            start: `base`, `target` (before unlearning), or a state of the context's model.
            splits: of `self.splits`; none: the start itself, or, from the base model, the model
                that learned the general facts alone.
            recipe: how; None for the target's own.
            seed: of the order and of dropout; None for the run's.

        Raises:
            MethodError: a given target names no base model, or nothing says how it learned and
                no recipe is given; or nothing here can train.
        """
        recipe = recipe or self.target_recipe
        if recipe is None:
            raise MethodError("fine_tune() needs a recipe: how the given target learned is unknown")
        recipe = recipe.model_copy(update={"seed": self.seed if seed is None else seed})
        if isinstance(start, str):
            if self.tuner is None:
                raise MethodError(f"nothing here can train from the {start} model")
            trained = self.tuner(start, splits, recipe)
            model, log = trained.model, training_log(trained.log)
            if trained.cached:
                log.seconds_before = 0.0  # of another run
        else:
            model = with_state(copy.deepcopy(self.model), start)
            if not is_adapted(model):
                model.float()  # merged bfloat16 weights would round small steps away
            log, _ = fine_tune(
                model,
                self.tokenizer,
                splits,
                recipe,
                max_length=self.max_length,
                template=self.template,
                precision=self.precision,
                on_step=self.on_step,
                on_note=self.note,
                kept_states=self.kept_states,
            )
        self.log = self.log.followed_by(log)
        if is_adapted(model) and not is_adapted(self.model):
            model = merged(model)
        return model_state(model)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the model's tuned tensors by name, on the CPU.

        They are the adapter's where the model carries one, else all weights.
        """
        return model_state(self.model)

    def load_state(self, state: State) -> None:
        """Give the model the weights of a state; whole weights replace an adapter.

        Raises:
            MethodError: names or shapes are not the model's.
        """
        self.model = with_state(self.model, state)

    def combine_states(self, parts: Sequence[tuple[State, float]]) -> dict[str, Tensor]:
        """Return the sum of states times factors, as whole weights.

        Adapters are added by what they do to the weights, in float32, and rounded once.

        Args:
            parts: states of `state` or `fine_tune`, and their factors.

        Raises:
            MethodError: there are none, or they do not fit each other.
        """
        return combined(self.model, parts)

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int = 96,
        *,
        temperature: float = 0.0,
        purpose: str = "answers",
    ) -> list[str]:
        """Return what the model answers to questions as it is now; equal requests are kept.

        The `hf` engine generates them whatever the run evaluates with: what is trained on must not
        depend on how the outcome is evaluated.

        Args:
            prompts: questions; the run's template is applied.
            max_new_tokens: of an answer.
            temperature: of the sampling; 0 is greedy.
            purpose: of the draws, for which the seed is derived, where the temperature is not 0.
        """
        from unharness.unlearning.own_answers import own_answers

        texts = [prompt_text(prompt, self.template, self.tokenizer) for prompt in prompts]
        seed = self.derive_seed(purpose) if temperature > 0 else 0
        special = self.template != CHAT
        how = Sampling(max_new_tokens, temperature, seed, special_tokens=special)
        return own_answers(self.model, self.tokenizer, texts, how)

    def add_alternatives(
        self, role: Role, kind: str, texts: Mapping[str, Mapping[str, Sequence[str]]]
    ) -> None:
        """Give examples other answers that the method made; a stream with `prepared` reads them.

        Args:
            role: of the splits; every example of those that the method may read gets some.
            kind: what the stream calls the answers.
            texts: by split, then by example's id: at least one answer.
        """
        for split in self.trainable(role):
            own = texts[split.name]
            self.splits = self.splits.joined(
                split.with_examples(
                    replace(row, alternatives={**row.alternatives, kind: tuple(own[row.id])})
                    for row in split.examples
                )
            )

    def batches(self, rows: Sequence[Encoded], batch_size: int) -> Iterator[TokenBatch]:
        """Yield the examples once, longest first, as batches on the model's device."""
        from unharness.data.batches import collate

        ordered = sorted(rows, key=lambda row: -len(row.input_ids))
        for start in range(0, len(ordered), batch_size):
            batch = collate(ordered[start : start + batch_size], self.tokenizer.pad_token_id)
            yield batch.to(self.device)

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Compute losses as training does: under autocast where it trains in bfloat16.

        For gradients that a method takes outside of training; call `backward` behind the block.
        """
        import torch

        from unharness.training.cpu_bfloat16 import quick_on_cpu
        from unharness.training.precision import autocast

        device = torch.device(self.device)
        with quick_on_cpu(self.model, device, self.precision), autocast(device, self.precision):
            yield
