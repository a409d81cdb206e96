"""How much memory a run will take, before it is run: its model's config, its data, the formula."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unharness.data.recipe import TrainConfig
from unharness.errors import PluginError
from unharness.models.shape import ModelShape, shape_of
from unharness.models.trained import learned_rows
from unharness.pipeline.memory_formula import (
    FLOAT,
    MemoryEstimate,
    Pass,
    Training,
    estimate,
    model_alone,
)
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.target import target_folder, target_stage
from unharness.unlearning.context import UnlearnContext, readable_splits
from unharness.unlearning.method import LossMethod
from unharness.unlearning.stream_rows import stream_rows
from unharness.unlearning.streams import FORGET, HIDDEN, LOGITS, Stream, with_forget

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.data.batches import TokenBatch
    from unharness.training.steps import Rows, Step

Sizes = tuple[int, int, int]
"""Of a batch: examples, tokens of the longest, and scored positions of all together."""
EPOCHS = 2
"""Most epochs whose batches are looked at: later ones hold the same examples."""


@dataclass(frozen=True)
class StageEstimate:
    """What a stage of a run takes."""

    name: str
    memory: MemoryEstimate
    batch: str
    """The largest micro-batch, in words."""


@dataclass(frozen=True)
class RunEstimate:
    """What a run takes on its device, in bytes, and what is free there."""

    device: str
    stages: tuple[StageEstimate, ...]
    free: int
    notes: tuple[str, ...] = ()

    @property
    def peak(self) -> float:
        """The most that a stage takes."""
        return max(stage.memory.peak for stage in self.stages)


def estimate_run(plan: RunPlan) -> RunEstimate:
    """Return the estimate for the trainings of a run; evaluation takes no more than they do.

    The model's configuration and tokenizer are read, no weights.

    Raises:
        ModelError: the configuration is none that transformers knows, or is not there yet.
        MethodError: the method's streams lack data, or it refuses the model.
    """
    import torch

    from unharness.training.device_memory import free_memory

    config, tokenizer = plan.base.config_and_tokenizer(plan.data)
    plan.method.check_model(config)
    run = _Run(plan, shape_of(config), tokenizer)
    notes = [] if tokenizer else ["no tokenizer: every example is taken to be of --max-length"]
    stages = []
    if plan.given is None:
        if target_folder(plan).is_dir():
            notes.append("the target is in the cache and is not trained")
        elif not plan.learns:
            notes.append("the target is the base model: the task teaches it nothing")
        else:
            stages.append(run.target(target_stage(plan)))
    if plan.method.trains:
        stages.append(run.unlearning(f"unlearn ({plan.method.name})"))
        if not isinstance(plan.method, LossMethod) and not plan.method.trains_base:
            notes.append(f"{plan.method.name} trains by itself; only its model is counted")
    if any(chain.changes_weights for chain in plan.chains):
        notes.append("attacks on weights are not counted: they work on copies of the model")
    if not stages:
        stages.append(StageEstimate("nothing is trained", run.alone(), ""))
    free = free_memory(torch.device(plan.place.device))
    return RunEstimate(plan.place.device, tuple(stages), free, tuple(notes))


def method_training(
    method: LossMethod,
    training: Training,
    lengths: Mapping[str, Sizes],
    kept_tokens: int = 0,
) -> Training:
    """Return a training with what a method's loss adds to it.

    Args:
        method: with its hyperparameters.
        training: device, tuning and precision.
        lengths: of one micro-batch, by stream.
        kept_tokens: whose hidden states a reference keeps under full tuning.

    Raises:
        PluginError: the method's terms read what is no stream of its.
    """
    gradients, size = method.gradients_before_training()
    examples, length, scored = lengths[FORGET]
    before = Pass(size, length, math.ceil(scored * size / examples))
    streams = with_forget(method.streams())
    named = method.streams_by_term()
    if unknown := sorted({name for term in named for name in term} - set(streams)):
        raise PluginError(f"streams_by_term() names no streams: {', '.join(unknown)}")
    terms = tuple(tuple(_pass(streams[name], *lengths[name]) for name in term) for term in named)
    return replace(
        training,
        terms=terms,
        accumulates=_accumulates(method.config),
        separate_gradients=len(terms) if method.separate_gradients else 0,
        before=(gradients, before) if gradients else None,
        kept_tokens=kept_tokens,
    )


@dataclass(frozen=True)
class _Run:
    """A plan with its model's shape and tokenizer."""

    plan: RunPlan
    shape: ModelShape
    tokenizer: PreTrainedTokenizerBase | None

    def target(self, name: str, *, other_weights: bool = False) -> StageEstimate:
        """Return what it takes to teach the target, perhaps with another model beside it."""
        from unharness.training.steps import fine_tune_steps

        plan, recipe = self.plan, self.plan.recipe
        training = self._training(plan.spec.target_tuning)
        training = replace(training, accumulates=_accumulates(recipe), other_weights=other_weights)
        if self.tokenizer is None:
            one = self._unknown(recipe)
            return self._largest(name, [replace(training, terms=((Pass(*one),),))], [[one]])
        rows = learned_rows(
            self.tokenizer,
            plan.data.learned(),
            max_length=plan.place.max_length,
            template=plan.place.template,
            knowledge=plan.knowledge,
        )
        steps = fine_tune_steps(
            [row for row in rows if row.scored],
            epochs=min(recipe.epochs, EPOCHS),
            batch_size=recipe.batch_size,
            micro_batch_size=recipe.micro_batch_size,
            pad_token_id=self.tokenizer.pad_token_id,
            order=random.Random(recipe.seed),
        )
        sizes = [_sizes(batch) for batch in _batches(steps)]
        found = [replace(training, terms=((Pass(*one),),)) for one in sizes]
        return self._largest(name, found, [[one] for one in sizes])

    def unlearning(self, name: str) -> StageEstimate:
        """Return what the method takes."""
        method = self.plan.method
        if isinstance(method, LossMethod):
            return self._loss_method(name, method)
        if method.trains_base:  # it teaches its base as the target was taught, with that beside it
            return self.target(name, other_weights=True)
        return StageEstimate(name, self.alone(), "")

    def alone(self) -> MemoryEstimate:
        """Return what the model takes while nothing is trained."""
        return model_alone(self.shape, self._training(self.plan.spec.tuning))

    def _loss_method(self, name: str, method: LossMethod) -> StageEstimate:
        from unharness.training.steps import unlearn_steps

        training = self._training(self.plan.spec.tuning)
        streams = with_forget(method.streams())
        if self.tokenizer is None:
            lengths = dict.fromkeys(streams, self._unknown(method.config))
            found = [method_training(method, training, lengths)]
            return self._largest(name, found, [list(lengths.values())])
        rows = self._rows(method, streams, random.Random(self.plan.spec.seed))
        steps = unlearn_steps(
            rows,
            epochs=min(method.config.epochs, EPOCHS),
            batch_size=method.config.batch_size,
            micro_batch_size=method.config.micro_batch_size,
            pad_token_id=self.tokenizer.pad_token_id,
            order=random.Random(self.plan.spec.seed),
        )
        kept = sum(_kept_tokens(stream, rows[name]) for name, stream in streams.items())
        sizes = [{name: _sizes(batch[name]) for name in streams} for batch in _batches(steps)]
        found = [method_training(method, training, one, kept) for one in sizes]
        return self._largest(name, found, [list(one.values()) for one in sizes])

    def _rows(
        self, method: LossMethod, streams: Mapping[str, Stream], order: random.Random
    ) -> dict[str, Rows]:
        plan = self.plan
        nothing: Any = None  # rows are made from data alone
        assert self.tokenizer is not None
        context = UnlearnContext(
            model=nothing,
            tokenizer=self.tokenizer,
            splits=readable_splits(plan.data_with_general, method),
            seed=plan.spec.seed,
            max_length=plan.place.max_length,
            device=plan.place.device,
            template=plan.place.template,
        )
        # Answers that the method has yet to make: the examples' own stand for their length.
        there = {
            name: replace(stream, answer="answer", prepared=False) if stream.prepared else stream
            for name, stream in streams.items()
        }
        return stream_rows(context, there, min(method.config.epochs, EPOCHS), order)

    def _largest(
        self, name: str, found: Sequence[Training], sizes: Sequence[Sequence[Sizes]]
    ) -> StageEstimate:
        """Return the stage's estimate: that of the micro-batch that takes most.

        Args:
            name: of the stage.
            found: a training for each micro-batch.
            sizes: of the streams in each.
        """
        if not found:
            return StageEstimate(name, self.alone(), "")
        memories = [estimate(self.shape, training) for training in found]
        at = max(range(len(memories)), key=lambda index: memories[index].peak)
        words = (f"{size} × {length} tokens, {scored} scored" for size, length, scored in sizes[at])
        return StageEstimate(name, memories[at], "; ".join(words))

    def _training(self, tuning: str) -> Training:
        place, lora = self.plan.place, self.plan.lora
        return Training(
            tuning="lora" if tuning == "lora" else "full",
            device="cuda" if place.device.startswith("cuda") else "cpu",
            autocast=place.precision != "float32",
            weights_bytes=FLOAT if place.dtype == "float32" else 2,
            terms=(),
            rank=lora.r,
            dropout=lora.dropout,
        )

    def _unknown(self, config: TrainConfig) -> Sizes:
        """Return the sizes of the longest examples that there may be."""
        size = config.micro_batch_size or config.batch_size
        length = self.plan.place.max_length
        return size, length, size * (length - 1)


def _pass(stream: Stream, examples: int, length: int, scored: int) -> Pass:
    scored = examples * length if stream.everywhere else scored
    return Pass(examples, length, scored, frozenset(stream.reference), len(stream.layers))


def _accumulates(config: TrainConfig) -> bool:
    return (config.micro_batch_size or config.batch_size) < config.batch_size


def _batches(steps: Iterable[Step]) -> Iterable[Any]:
    return (micro.make() for step in steps for micro in step.micro_batches)


def _sizes(batch: TokenBatch) -> Sizes:
    from unharness.training.scored_logits import scored_positions

    examples, length = batch.input_ids.shape
    return int(examples), int(length), int(scored_positions(batch).sum())


def _kept_tokens(stream: Stream, rows: Rows) -> int:
    """Return of how many tokens a reference keeps hidden states under full tuning."""
    if HIDDEN in stream.reference or stream.everywhere:
        return sum(len(row.input_ids) for row in rows.taken())
    if LOGITS in stream.reference:
        return sum(row.scored for row in rows.taken())
    return 0
