"""The stage in which a method works on the target model, and what the record says of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from unharness.data.examples import Split
from unharness.data.recipe import FineTuneConfig
from unharness.errors import MethodError, RecordError
from unharness.models.inference import InferenceWrapper, UnlearnedModel
from unharness.models.lora import add_adapter, is_adapted, merged
from unharness.models.trained import FineTuner, StartPoint, TrainedModel
from unharness.models.weights import parameter_counts, weights_hash
from unharness.pipeline.memory import PeakMemory
from unharness.pipeline.resolve import RunPlan
from unharness.plugins import Registry
from unharness.progress import OnStep, Progress, Stage
from unharness.records.record import CostRecord, RunRecord, TrainingRecord
from unharness.training.update_norms import never_moved
from unharness.unlearning.context import UnlearnContext, readable_splits
from unharness.unlearning.method import Method


def target_model(plan: RunPlan, progress: Progress) -> TrainedModel:
    """Return the target: the weights that were given, or the base model after its training.

    Raises:
        ModelError: the weights do not fit their base, or the base cannot be trained.
    """
    if plan.given is None:
        label = f"train target ({plan.base.name})"
        return fine_tuner(plan, progress).trained(plan.data.learned(), plan.recipe, label)
    weights = plan.given.weights
    with progress.stage(f"load target ({weights.name})"):
        model, tokenizer = weights.load(plan.data, plan.place.device, plan.place.dtype)
    return TrainedModel(model, tokenizer, cached=True, log={})


def target_folder(plan: RunPlan) -> Path:
    """Return where the target is, or will be."""
    if plan.given is not None:
        return plan.given.weights.folder
    return fine_tuner(plan, Progress()).folder(plan.data.learned(), plan.recipe)


def fine_tuner(plan: RunPlan, progress: Progress) -> FineTuner:
    """Return what trains the plan's base model.

    Raises:
        MethodError: the target is given, and nothing says what it was made from.
    """
    base = plan.given.fresh if plan.given else plan.base
    if base is None:
        raise MethodError(
            f"method {plan.method.name!r} starts from the base model, which a given target does "
            "not allow unless the method says so: set trains_base = True in its class"
        )
    return FineTuner(
        base,
        plan.data,
        plan.spec.target_tuning,
        plan.lora,
        plan.place,
        progress,
        plan.knowledge,
    )


def tunable_model(plan: RunPlan, model: Any) -> Any:
    """Return the target as the method tunes it: with an adapter, or without."""
    if plan.spec.tuning == "lora" and not is_adapted(model):
        return add_adapter(model, plan.lora, plan.spec.seed)
    if plan.spec.tuning == "full" and is_adapted(model):
        return merged(model).requires_grad_(True)
    return model


def wrapper_of(method: Method, record: RunRecord) -> InferenceWrapper | None:
    """Return the inference wrapper that a method left, from the record of what it did.

    Raises:
        RecordError: the record's fields are not those of the method's wrapper.
    """
    kept = record.training.wrapper if record.training else None
    if kept is None:
        return None
    try:
        if method.Wrapper is not None:
            return method.Wrapper(**kept)
    except ValidationError:
        pass
    raise RecordError(
        f"{record.run_id}: its inference wrapper is not one of method {method.name!r} as it is "
        "installed; run it again with --force"
    )


def _take_result(method: Method, context: UnlearnContext, result: Any) -> InferenceWrapper | None:
    """Give the context the model that a method returned, and return its wrapper."""
    if result is None:
        return None
    if not isinstance(result, UnlearnedModel):
        raise MethodError(
            f"unlearn() of {method.name!r} returned {type(result).__name__}; expected None or "
            "UnlearnedModel"
        )
    if result.model is not None:
        context.model = result.model
    if result.wrapper is not None and type(result.wrapper) is not method.Wrapper:
        raise MethodError(
            f"method {method.name!r} left a {type(result.wrapper).__name__}; declare it in the "
            f"class: Wrapper = {type(result.wrapper).__name__}"
        )
    return result.wrapper


@dataclass(frozen=True)
class UnlearnStage:
    """Lets a method unlearn, and notes in the record what it did and what it cost."""

    plan: RunPlan
    registry: Registry
    progress: Progress

    def run(self, target: TrainedModel, record: RunRecord) -> UnlearnContext:
        """Change the target's model in place; the context holds it."""
        plan = self.plan
        model = tunable_model(plan, target.model)
        trainable, total = parameter_counts(model)
        context = UnlearnContext(
            model=model,
            tokenizer=target.tokenizer,
            splits=readable_splits(plan.data_with_general(), plan.method),
            seed=plan.spec.seed,
            max_length=plan.place.max_length,
            device=plan.place.device,
            template=plan.place.template,
            tuner=self._tuned,
            target_recipe=plan.recipe,
        )
        assert record.target is not None
        record.training = TrainingRecord(trainable_parameters=trainable, total_parameters=total)
        # Hashing a large model takes seconds; the target's hash is known.
        fresh = model is not target.model
        before = weights_hash(model) if fresh else record.target.weights_hash
        peak = PeakMemory(plan.spec.device)
        started = time.perf_counter()
        try:
            with self.progress.stage(f"unlearn ({plan.method.name})") as stage:
                context.on_step, context.progress = self._on_step(stage, record), stage.step
                wrapper = _take_result(plan.method, context, plan.method.unlearn(context))
        finally:
            seconds = time.perf_counter() - started
            self._note(record, context, seconds, peak.gigabytes())
        context.model.eval()
        record.training.wrapper = wrapper.model_dump(mode="json") if wrapper else None
        record.training.weights_hash = weights_hash(context.model)
        if plan.method.trains and record.training.weights_hash == before:
            record.warnings.append("the weights did not change")
        else:
            record.warnings += never_moved(
                context.log.update_norms, training=plan.method.name, except_for=context.held_back
            )
        return context

    def _note(
        self, record: RunRecord, context: UnlearnContext, seconds: float, peak: float
    ) -> None:
        training = record.training
        assert training is not None
        training.steps, training.examples = context.log.steps, context.log.examples
        training.tokens, training.losses = context.log.tokens, context.log.losses
        training.update_norms = context.log.update_norms
        training.report = context.report
        record.seeds = {"seed": self.plan.spec.seed, **context.derived_seeds}
        assert record.data is not None
        record.data.truncated |= context.truncated
        if not self.plan.method.trains:
            record.cost = CostRecord()
            return
        log = context.log
        record.cost = CostRecord(
            # A retrained model may come from the cache; what it cost is what its training took.
            train_seconds=max(seconds, log.seconds),
            seconds_per_step=log.seconds / log.steps if log.steps else None,
            tokens_per_second=log.tokens / log.seconds if log.seconds else None,
            peak_memory_gb=peak,
            trainable_parameters=log.moved_parameters or training.trainable_parameters,
        )

    def _tuned(
        self,
        start: Literal["base", "target"],
        splits: Sequence[Split],
        recipe: FineTuneConfig,
    ) -> TrainedModel:
        """Return the base or the target model after further training, from the cache if there."""
        plan = self.plan
        learned = [split.name for split in splits]
        if plan.knowledge and start == "base":
            learned.append("general facts")
        label = f"train {start} on {' + '.join(learned)}" if learned else f"load {start}"
        if start == "base":
            return fine_tuner(plan, self.progress).trained(splits, recipe, label)

        def load() -> tuple[Any, Any]:
            target = target_model(plan, Progress())
            return tunable_model(plan, target.model), target.tokenizer

        if plan.given is None:
            tuner = fine_tuner(plan, self.progress)
            key = tuner.key(plan.data.learned(), plan.recipe)
        else:
            key = plan.given.weights.fingerprint(plan.data)
        further = FineTuner(
            plan.base,
            plan.data,
            plan.spec.tuning,
            plan.lora,
            plan.place,
            self.progress,
            start=StartPoint(f"{key}/{plan.spec.tuning}", load),
        )
        return further.trained(splits, recipe, label)

    def _on_step(self, stage: Stage, record: RunRecord) -> OnStep:
        def on_step(done: int, total: int, values: dict[str, float]) -> None:
            stage.step(done, total, values)
            for problem in self.registry.notify(
                "unharness_step", run_id=record.run_id, step=done, values=values
            ):
                if problem not in record.warnings:
                    record.warnings.append(problem)

        return on_step
