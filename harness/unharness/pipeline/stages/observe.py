"""The observe stage: what a model says and how likely it finds what it should say."""

from __future__ import annotations

from collections.abc import Callable

from unharness.engines.engine import Engine
from unharness.evaluation.observe import observe
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.scoring import Observations
from unharness.models.weights import WeightsRef
from unharness.pipeline.run_plan import RunPlan
from unharness.progress import Progress
from unharness.reference_rows import ReferenceRow
from unharness.registry import Registry


def observations_of(
    plan: RunPlan,
    registry: Registry,
    progress: Progress,
    weights: WeightsRef,
    engine: Engine,
    references: Callable[[ReferenceRow], WeightsRef | None],
) -> Observations:
    """Return what the plan's columns need to know of a model.

    Args:
        plan: the run.
        registry: knows the observers.
        progress: told what is observed.
        weights: the model.
        engine: generates its texts.
        references: gives the models that it is observed together with.

    Raises:
        ModelError: a probability is not finite, or the memory does not hold a single example.
        ProcessError: the engine broke off.
    """
    settings = plan.spec.evaluation
    context = ObserverContext(
        weights,
        engine,
        max_length=settings.max_length,
        max_new_tokens=settings.max_new_tokens,
        progress=progress,
        template=plan.place.template,
        reference_weights=references,
    )
    return observe(
        context,
        plan.data.limited(plan.spec.limit),
        plan.columns,
        registry,
        bootstrap_seed=settings.bootstrap_seed,
    )
