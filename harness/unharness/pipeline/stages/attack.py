"""The attack stage: what is done to an unlearned model before it is measured.

An attack that changes weights works on a copy, and what it leaves is kept in the cache.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import Any

from unharness.attacks.attack import Attack
from unharness.attacks.context import AttackContext
from unharness.data.task_data import TaskData
from unharness.models.inference import InferenceWrapper, chained
from unharness.models.unlearned import (
    find_unlearned,
    forget_unlearned,
    in_use,
    keep_unlearned,
    tensor_digests,
)
from unharness.models.weights import WeightsRef, weights_hash
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.plugin_result import take_result, wrapper_from
from unharness.pipeline.stages.target import FurtherTuner
from unharness.pipeline.stages.unlearn import software
from unharness.progress import Progress
from unharness.records.record import AttackRecord, RunRecord
from unharness.records.stage_specs import digest_of
from unharness.registry import Registry
from unharness.training.kept_states import KeptStates

VERSION = 1
"""Raised whenever the same key would give another model."""
WITHOUT_WRAPPER = (
    "measured without the method's inference wrapper: whoever holds the weights can remove it"
)


def attacked_model(
    plan: RunPlan, registry: Registry, progress: Progress, unlearned: WeightsRef, record: RunRecord
) -> WeightsRef:
    """Return the unlearned model after the plan's attacks; itself where there are none.

    The unlearned model stays as it is. What every attack did is noted in the record. A model whose
    weights are attacked is measured without the method's inference wrapper, and the record says so.

    Raises:
        PluginError: an attack failed; names it.
        MethodError: an attack says that it cannot be done.
    """
    record.attacks = []
    weights = unlearned
    if plan.chain.changes_weights and unlearned.wrapper is not None:
        weights = replace(unlearned, wrapper=None)
        record.warnings.append(WITHOUT_WRAPPER)
    for place, attack in enumerate(plan.chain.attacks):
        with registry.named("attacks", attack.name):
            if attack.changes_weights:
                weights = _changed(plan, progress, weights, record, place)
            else:
                context = _context(plan, progress, weights, attack, None)
                weights = _applied(attack, context, weights, record, progress)
    return weights


def _changed(
    plan: RunPlan, progress: Progress, weights: WeightsRef, record: RunRecord, place: int
) -> WeightsRef:
    """Return weights that an attack changes: from the cache, or made now."""
    attack = plan.chain.attacks[place]
    before = weights_hash(weights.model)
    key = attacked_key(plan, place, before)
    with in_use(key, progress.note):
        states = KeptStates(key, progress.note)
        if plan.request.force:
            forget_unlearned(key)
            states.clear()
        stored = find_unlearned(key, progress.note)
        if stored is not None:
            made = AttackRecord.model_validate(stored.facts)
            model = stored.put_into(copy.deepcopy(weights.model)).eval()
            if weights_hash(model) == made.weights_hash:
                record.attacks.append(made)
                wrapper = wrapper_from(attack, made.wrapper, record.run_id)
                return _wrapped(replace(weights, model=model), wrapper)
            progress.note("the attacked weights in the cache are not those of their record")
            forget_unlearned(key)
        copied = replace(weights, model=copy.deepcopy(weights.model))
        digests = tensor_digests(copied.model)
        context = _context(plan, progress, copied, attack, states)
        found = _applied(attack, context, copied, record, progress)
        facts = record.attacks[-1].model_dump(mode="json")
        keep_unlearned(key, found.model, digests, facts, progress.note)
        states.clear()
    return found


def _applied(
    attack: Attack,
    context: AttackContext,
    weights: WeightsRef,
    record: RunRecord,
    progress: Progress,
) -> WeightsRef:
    """Let an attack work, and note what it did."""
    started = time.perf_counter()
    with progress.stage(f"attack ({attack.name})") as stage:
        context.on_step, context.progress = stage.step, stage.step
        wrapper = take_result(attack, context, attack.apply(context))
    log = context.log
    context.model.eval()
    record.attacks.append(
        AttackRecord(
            name=attack.name,
            seconds=log.seconds_before + time.perf_counter() - started,
            steps=log.steps,
            examples=log.examples,
            tokens=log.tokens,
            resumed_at=log.resumed_at,
            weights_hash=weights_hash(context.model) if attack.changes_weights else None,
            report=context.report,
            wrapper=wrapper.model_dump(mode="json") if wrapper else None,
            seeds=context.derived_seeds,
        )
    )
    return _wrapped(replace(weights, model=context.model), wrapper)


def _wrapped(weights: WeightsRef, wrapper: InferenceWrapper | None) -> WeightsRef:
    """Return weights with one more wrapper, which is asked before those that are there."""
    return replace(weights, wrapper=chained(wrapper, weights.wrapper))


def _context(
    plan: RunPlan,
    progress: Progress,
    weights: WeightsRef,
    attack: Attack,
    kept_states: KeptStates | None,
) -> AttackContext:
    data = plan.data
    readable = [split for split in data.splits.values() if split.role in attack.reads]
    return AttackContext(
        model=weights.model,
        tokenizer=weights.tokenizer,
        splits=TaskData.of(readable, data.origin),
        seed=plan.spec.seed,
        max_length=plan.place.max_length,
        device=plan.place.device,
        template=plan.place.template,
        precision=plan.place.precision,
        tuner=FurtherTuner(plan, progress),
        target_recipe=plan.target_recipe,
        wrapper=weights.wrapper,
        kept_states=kept_states,
    )


def attacked_key(plan: RunPlan, place: int, before: str) -> str:
    """Return the hash of everything that decides the weights after an attack.

    Args:
        plan: the run.
        place: of the attack in the chain.
        before: hash of the weights that it begins with.
    """
    uses: list[Any] = [use.model_dump(mode="json") for use in plan.chain.uses[: place + 1]]
    return digest_of(
        {
            "version": VERSION,
            "before": before,
            "target": plan.spec.target.model_dump(mode="json"),
            "seed": plan.spec.seed,
            "attacks": uses,
            "device": plan.place.device.split(":")[0],
            **software(),
        }
    )
