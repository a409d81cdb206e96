"""A run's weights, found where they are kept; nothing is trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from unharness.errors import ModelError, RecordError
from unharness.models.trained import TrainedModel
from unharness.models.unlearned import find_unlearned
from unharness.models.weights import WeightsRef, weights_hash
from unharness.pipeline.command_line import run_command
from unharness.pipeline.run_plan import EXTERNAL, RunPlan
from unharness.pipeline.saved_weights import of_run, plan_again
from unharness.pipeline.stages.attack import attacked_key
from unharness.pipeline.stages.target import fine_tuner, target_model, tunable_model
from unharness.pipeline.stages.unlearn import unlearned_key
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.records.store import StoredRecord
from unharness.registry import Registry


def weights_of(
    found: StoredRecord, changes: Mapping[str, Any], registry: Registry, progress: Progress
) -> WeightsRef:
    """Return the weights of a finished run: kept beside its record, or in the cache.

    Their hash is that of the record; attacks that change weights are part of them, instructions
    and wrappers are not.

    Args:
        found: the record, and where it lies.
        changes: options of a run that say where things are, such as `data`.
        registry: knows the plugins.
        progress: told what is loaded.

    Raises:
        RecordError: the run is not done, or what it was made from has changed.
        ModelError: the weights are not there; names the command that makes them again.
    """
    record, folder = found
    if record.status != "done":
        raise RecordError(f"{record.run_id}: the run is {record.status}; nothing can be exported")
    if record.spec.method == EXTERNAL or not record.passed:
        raise RecordError(f"{record.run_id}: its weights are from outside; they are there already")
    plan = plan_again(record, changes, registry)
    kept = record.artifacts.get("weights")
    try:  # first: beside the record an adapter on a target that was trained whole is merged
        weights = _cached(plan, record, progress)
    except ModelError:
        if kept is None or not (folder / str(kept["path"])).is_dir():
            raise
        weights = of_run(record, folder, changes, registry).load(progress).weights
    chain = next((one for one in plan.rows if one.spec.attacks == record.spec.attacks), None)
    if chain is None:
        raise RecordError(f"{record.run_id}: its attacks are no longer the same; run it again")
    return _attacked(chain, record, weights, progress)


def _cached(plan: RunPlan, record: RunRecord, progress: Progress) -> WeightsRef:
    """Return the unlearned weights from the cache."""
    target = _cached_target(plan, progress)
    if target is None or record.target is None or record.training is None:
        raise _missing(record)
    if weights_hash(target.model) != record.target.weights_hash:
        raise _missing(record)
    model = tunable_model(plan, target.model)
    if plan.method.trains:
        stored = find_unlearned(unlearned_key(plan), progress.note)
        if stored is None:
            raise _missing(record)
        model = stored.put_into(model)
    if weights_hash(model) != record.training.weights_hash:
        raise _missing(record)
    return WeightsRef(model.eval(), target.tokenizer)


def _cached_target(plan: RunPlan, progress: Progress) -> TrainedModel | None:
    if plan.given is not None:
        return target_model(plan, progress)
    plan.base.prepare(progress)
    return fine_tuner(plan, progress).find(plan.data.learned(), plan.recipe)


def _attacked(
    plan: RunPlan, record: RunRecord, weights: WeightsRef, progress: Progress
) -> WeightsRef:
    """Return the weights after the attacks that change them, from the cache."""
    for place, (attack, made) in enumerate(zip(plan.chain.attacks, record.attacks, strict=True)):
        if not attack.changes_weights:
            continue
        key = attacked_key(plan, place, weights_hash(weights.model))
        stored = find_unlearned(key, progress.note)
        if stored is None:
            raise _missing(record)
        model = stored.put_into(copy.deepcopy(weights.model)).eval()
        if weights_hash(model) != made.weights_hash:
            raise _missing(record)
        weights = replace(weights, model=model)
    return weights


def _missing(record: RunRecord) -> ModelError:
    again = run_command(record.passed, "--save-weights", "--force")
    return ModelError(
        f"{record.run_id}: its weights lie neither beside the record nor in the cache; this makes "
        f"them again: {again}"
    )
