"""The unlearn stage with its cache: equal specs unlearn once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from unharness.models.lora import adapter_key, is_adapted
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
from unharness.training.kept_states import KeptStates

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

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
        states = KeptStates(key, progress.note)
        if plan.request.force:
            forget_unlearned(key)
            states.clear()
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
        with _Checkpoints(plan, before, record, progress.note) as checkpoints:
            context = run_method(plan, registry, progress, target, record, checkpoints.keep, states)
        keep_unlearned(key, context.model, before, _facts(record), progress.note)
        states.clear()
    return context.model


class _Checkpoints:
    """Weights on the way of a training, kept as those of runs that stop there.

    They are dropped where the run fails, and where the method left something else than the last
    step of its training did: what it does afterwards is missing in them.
    """

    def __init__(
        self,
        plan: RunPlan,
        before: Mapping[str, str],
        record: RunRecord,
        on_note: Callable[[str], None],
    ) -> None:
        self._plan, self._before, self._record, self._on_note = plan, before, record, on_note
        self._hashes: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._hashes:
            return
        last, made = max(self._hashes), self._record.training
        left = made.weights_hash if kind is None and made and made.wrapper is None else None
        # Those of the last step are those of the whole run, and are kept as that.
        dropped = [last] if left == self._hashes[last] else list(self._hashes)
        for steps in dropped:
            forget_unlearned(unlearned_key(self._plan, stop_after=steps))

    def keep(self, model: LanguageModel, so_far: RunRecord) -> None:
        """Keep the model as it is at a checkpoint."""
        training = so_far.training
        assert training is not None
        assert training.weights_hash is not None
        self._hashes[training.steps] = training.weights_hash
        key = unlearned_key(self._plan, stop_after=training.steps)
        keep_unlearned(key, model, self._before, _facts(so_far), self._on_note)


def _target_hash(record: RunRecord) -> str:
    assert record.target is not None
    return record.target.weights_hash


def unlearned_key(plan: RunPlan, stop_after: int | None = None) -> str:
    """Return the hash of everything that decides the unlearned weights, software included.

    Args:
        plan: the run.
        stop_after: a step of its training: the key of a run that stops there.
    """
    unlearn = plan.spec.unlearn.model_dump(mode="json")
    if stop_after is not None:
        unlearn["config"]["stop_after"] = stop_after
    parts = {
        "version": VERSION,
        "unlearn": unlearn,
        "device": plan.place.device.split(":")[0],
        **software(),
    }
    if plan.spec.tuning == "lora":
        parts["lora"] = adapter_key(plan.lora, plan.place.device)
    return digest_of(parts)


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
