"""The models that an unlearned one is observed together with: from caches, never trained here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from unharness.errors import MethodError
from unharness.models.inference import chained
from unharness.models.trained import FineTuner, TrainedModel
from unharness.models.weights import WeightsRef
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.plugin_result import wrapper_from
from unharness.pipeline.stages.target import fine_tuner, target_model
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.reference_rows import ReferenceRow

RETRAINED_SEED = 0
"""Of the retrained model that runs are paired with, where it is there; else the run's own seed."""


def reference_models(
    plan: RunPlan, record: RunRecord
) -> Callable[[ReferenceRow], WeightsRef | None]:
    """Return what gives the base, target and retrained models of a run, on its device.

    They are asked under the same attacks, as far as those change no weights; under one that does,
    there is none. The last one is kept in memory until another is asked for.

    Args:
        plan: the run.
        record: says what its attacks left.
    """

    @lru_cache(maxsize=1)
    def load(name: ReferenceRow) -> WeightsRef | None:
        if plan.chain.changes_weights:
            return None
        found = _trained(plan, name)
        if found is None:
            return None
        weights = WeightsRef(found.model, found.tokenizer)
        for attack, made in zip(plan.chain.attacks, record.attacks, strict=True):
            wrapper = wrapper_from(attack, made.wrapper, record.run_id)
            weights = WeightsRef(found.model, found.tokenizer, chained(wrapper, weights.wrapper))
        return weights

    return load


def _trained(plan: RunPlan, name: ReferenceRow) -> TrainedModel | None:
    if name == "target" and plan.given is not None:
        return target_model(plan, Progress())
    try:
        tuner = fine_tuner(plan, Progress())
    except MethodError:  # nothing says what a given target was made from
        return None
    return next(_cached(plan, tuner, name), None)


def _cached(plan: RunPlan, tuner: FineTuner, name: ReferenceRow) -> Iterator[TrainedModel]:
    """Yield the models that may stand for a reference and are there, the first choice first."""
    data, recipe = plan.data, plan.recipe
    if name == "base" and not plan.knowledge:
        model, tokenizer = tuner.base.load(data, plan.place.dtype)
        yield TrainedModel(model.to(plan.place.device).eval(), tokenizer, cached=True, log={})
        return
    choices = {
        "base": ((), (0, plan.spec.seed)),
        "target": (data.learned(), (recipe.seed,)),
        "retrained": (data.learned(without="forget"), (RETRAINED_SEED, plan.spec.seed)),
    }
    splits, seeds = choices[name]
    for seed in dict.fromkeys(seeds):
        if found := tuner.find(splits, recipe.model_copy(update={"seed": seed})):
            yield found
