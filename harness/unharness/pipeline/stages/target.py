"""The target stage: the model that knows the facts, and what else is trained from its base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unharness.data.examples import Split
from unharness.data.recipe import FineTuneConfig
from unharness.errors import MethodError
from unharness.models.lora import add_adapter, is_adapted, merged
from unharness.models.trained import FineTuner, StartPoint, TrainedModel
from unharness.pipeline.run_plan import RunPlan
from unharness.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel


def target_model(plan: RunPlan, progress: Progress) -> TrainedModel:
    """Return the target: the weights that were given, or the base model after its training.

    Raises:
        ModelError: the weights do not fit their base, or the base cannot be trained.
    """
    if plan.given is None:
        label = target_stage(plan)
        return fine_tuner(plan, progress).trained(plan.data.learned(), plan.recipe, label)
    weights = plan.given.weights
    with progress.stage(target_stage(plan)):
        model, tokenizer = weights.load(plan.data, plan.place.device, plan.place.dtype)
    return TrainedModel(model, tokenizer, cached=True, log={})


def target_stage(plan: RunPlan) -> str:
    """Return what the stage is called: nothing is trained where nothing is to be learned."""
    if plan.given is not None:
        return f"load target ({plan.given.weights.name})"
    verb = "train" if plan.learns else "load"
    return f"{verb} target ({plan.base.name})"


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


def tunable_model(plan: RunPlan, model: LanguageModel) -> LanguageModel:
    """Return the target as the method tunes it: with an adapter, or without."""
    if plan.spec.tuning == "lora" and not is_adapted(model):
        return add_adapter(model, plan.lora, plan.spec.seed)
    if plan.spec.tuning == "full" and is_adapted(model):
        return merged(model).requires_grad_(True)
    return model


@dataclass(frozen=True)
class FurtherTuner:
    """Trains the base or the target model further, for methods and attacks."""

    plan: RunPlan
    progress: Progress

    def __call__(
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

        def load() -> tuple[LanguageModel, PreTrainedTokenizerBase]:
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
