"""A method at work on the target model, and what the record says of it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from unharness.models.trained import TrainedModel
from unharness.models.weights import parameter_counts, weights_hash
from unharness.pipeline.memory import PeakMemory
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.plugin_result import take_result
from unharness.pipeline.stages.target import FurtherTuner, tunable_model
from unharness.progress import OnStep, Progress, Stage
from unharness.records.record import CostRecord, RunRecord, TrainingRecord
from unharness.registry import Registry
from unharness.training.checkpoints import Checkpoints
from unharness.training.kept_states import KeptStates
from unharness.training.log import TrainingLog
from unharness.training.update_norms import never_moved
from unharness.unlearning.context import UnlearnContext, readable_splits

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

OnCheckpoint: TypeAlias = "Callable[[LanguageModel, RunRecord], None]"
"""Takes the model as it is at a checkpoint of its training, and the record of how it came to be."""

INFERENCE_TIME = "the weights are untouched"
"""Warnings of methods that only change what is asked and answered begin so."""


def run_method(
    plan: RunPlan,
    registry: Registry,
    progress: Progress,
    target: TrainedModel,
    record: RunRecord,
    on_checkpoint: OnCheckpoint | None = None,
    kept_states: KeptStates | None = None,
) -> UnlearnContext:
    """Let a method change the target's model in place; the context returned holds it.

    What the method did and what it cost is noted in the record.

    Args:
        plan: the run.
        registry: told of every step.
        progress: told how far it is.
        target: the model that is changed.
        record: the run's.
        on_checkpoint: called at the checkpoints of a LossMethod, where the request has some.
        kept_states: where states of trainings are kept, so that interrupted ones go on.

    Raises:
        MethodError: the method cannot do it.
    """
    model = tunable_model(plan, target.model)
    trainable, total = parameter_counts(model)
    context = UnlearnContext(
        model=model,
        tokenizer=target.tokenizer,
        splits=readable_splits(plan.data_with_general, plan.method),
        seed=plan.spec.seed,
        max_length=plan.place.max_length,
        device=plan.place.device,
        template=plan.place.template,
        precision=plan.place.precision,
        tuner=FurtherTuner(plan, progress),
        target_recipe=plan.target_recipe,
        note=partial(_tell, progress, record),
        kept_states=kept_states,
    )
    assert record.target is not None
    record.training = TrainingRecord(trainable_parameters=trainable, total_parameters=total)
    # Hashing a large model takes seconds; the target's hash is known.
    fresh = model is not target.model
    before = weights_hash(model) if fresh else record.target.weights_hash
    peak = PeakMemory(plan.spec.device)
    started = time.perf_counter()

    def at_checkpoint(log: TrainingLog) -> None:
        assert on_checkpoint is not None
        so_far = record.model_copy(deep=True)
        _note(plan, so_far, context, log, time.perf_counter() - started, peak.gigabytes())
        assert so_far.training is not None
        so_far.training.weights_hash = weights_hash(context.model)
        on_checkpoint(context.model, so_far)

    if plan.request.checkpoints and on_checkpoint:
        context.checkpoints = Checkpoints(plan.request.checkpoints, at_checkpoint)
    try:
        with progress.stage(f"unlearn ({plan.method.name})") as stage:
            context.on_step, context.progress = _on_step(registry, stage, record), stage.step
            wrapper = take_result(plan.method, context, plan.method.unlearn(context))
    finally:
        seconds = time.perf_counter() - started
        _note(plan, record, context, context.log, seconds, peak.gigabytes())
    context.model.eval()
    record.training.wrapper = wrapper.model_dump(mode="json") if wrapper else None
    record.training.weights_hash = weights_hash(context.model)
    if plan.method.threat_model:
        record.warnings.append(f"{INFERENCE_TIME}: {plan.method.threat_model}")
    if plan.method.trains and record.training.weights_hash == before:
        record.warnings.append("the weights did not change")
    else:
        record.warnings += never_moved(
            context.log.update_norms, training=plan.method.name, except_for=context.held_back
        )
    return context


def _note(
    plan: RunPlan,
    record: RunRecord,
    context: UnlearnContext,
    log: TrainingLog,
    seconds: float,
    peak: float,
) -> None:
    training = record.training
    assert training is not None
    training.steps, training.examples = log.steps, log.examples
    training.tokens, training.losses = log.tokens, log.losses
    training.update_norms = log.update_norms
    training.resumed_at = log.resumed_at
    training.report = copy.deepcopy(context.report)
    record.seeds = {"seed": plan.spec.seed, **context.derived_seeds}
    assert record.data is not None
    record.data.truncated |= context.truncated
    if not plan.method.trains:
        record.cost = CostRecord()
        return
    record.cost = CostRecord(
        # A retrained model may come from the cache; what it cost is what its training took.
        train_seconds=max(seconds + log.seconds_before, log.seconds),
        seconds_per_step=log.seconds / log.steps if log.steps else None,
        tokens_per_second=log.tokens / log.seconds if log.seconds else None,
        peak_memory_gb=peak,
        trainable_parameters=log.moved_parameters or training.trainable_parameters,
    )


def _tell(progress: Progress, record: RunRecord, text: str) -> None:
    """Let both the user and the record know."""
    progress.note(text)
    record.warnings.append(text)


def _on_step(registry: Registry, stage: Stage, record: RunRecord) -> OnStep:
    def on_step(done: int, total: int, values: dict[str, float]) -> None:
        stage.step(done, total, values)
        for problem in registry.notify(
            "unharness_step", run_id=record.run_id, step=done, values=values
        ):
            if problem not in record.warnings:
                record.warnings.append(problem)

    return on_step
