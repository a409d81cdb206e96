"""The unlearn stage with its cache: equal specs unlearn once."""

from __future__ import annotations

from typing import Any

from unharness.models.lora import is_adapted
from unharness.models.trained import TrainedModel
from unharness.models.unlearned import (
    StoredWeights,
    find_unlearned,
    forget_unlearned,
    in_use,
    keep_unlearned,
    tensor_digests,
)
from unharness.models.weights import weights_hash
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.run_method import run_method
from unharness.pipeline.stages.target import target_model, tunable_model
from unharness.progress import Progress
from unharness.records.record import CostRecord, RunRecord, TrainingRecord
from unharness.records.stage_specs import digest_of
from unharness.registry import Registry
from unharness.training import ranks

VERSION = 1
"""Raised whenever the same key would give other weights."""


def unlearned_model(
    plan: RunPlan, registry: Registry, progress: Progress, target: TrainedModel, record: RunRecord
) -> Any:
    """Return the unlearned model: from the cache, or made now from the target, in place.

    The record says how the weights came to be, whenever that was.
    """
    if not plan.method.trains or ranks.world_size() > 1:
        return run_method(plan, registry, progress, target, record).model
    key = unlearned_key(plan)
    with in_use(key, progress.note):
        if plan.request.force:
            forget_unlearned(key)
        stored = find_unlearned(key, progress.note)
        if stored is not None and stored.facts.get("target") == _target_hash(record):
            model = tunable_model(plan, target.model)
            model = stored.put_into(model)
            if weights_hash(model) == stored.facts["training"]["weights_hash"]:
                _take_over(record, stored)
                return model.eval()
            progress.note("the unlearned weights in the cache are not those of their record")
            target = target_model(plan, progress)
        forget_unlearned(key)
        before = {} if is_adapted(target.model) else tensor_digests(target.model)
        context = run_method(plan, registry, progress, target, record)
        keep_unlearned(key, context.model, before, _facts(record), progress.note)
    return context.model


def _target_hash(record: RunRecord) -> str:
    assert record.target is not None
    return record.target.weights_hash


def unlearned_key(plan: RunPlan) -> str:
    """Return the hash of everything that decides the unlearned weights, software included."""
    return digest_of(
        {
            "version": VERSION,
            "unlearn": plan.spec.unlearn.model_dump(mode="json"),
            "device": plan.place.device.split(":")[0],
            **software(),
        }
    )


def software() -> dict[str, str]:
    """Return the versions of the libraries that trained weights depend on."""
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__}


def _facts(record: RunRecord) -> dict[str, Any]:
    assert record.training is not None
    assert record.data is not None
    return {
        "target": _target_hash(record),
        "training": record.training.model_dump(mode="json"),
        "cost": record.cost.model_dump(mode="json"),
        "seeds": record.seeds,
        "truncated": record.data.truncated,
        "warnings": record.warnings,
    }


def _take_over(record: RunRecord, stored: StoredWeights) -> None:
    """Let a record say how weights from the cache came to be."""
    facts = stored.facts
    assert record.data is not None
    record.training = TrainingRecord.model_validate(facts["training"])
    record.cost = CostRecord.model_validate(facts["cost"])
    record.seeds = dict(facts["seeds"])
    record.data.truncated |= facts["truncated"]
    record.warnings += [text for text in facts["warnings"] if text not in record.warnings]
