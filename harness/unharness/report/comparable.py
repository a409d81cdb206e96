"""Which runs may be compared: those of one task, data, model and kind of target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from unharness.records.record import RunRecord
from unharness.records.spec import RunSpec
from unharness.records.store import RecordStore
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.intervals import RunKey

SEED = "seed"
"""Of the target, in its recipe."""
_ENCODER = json.JSONEncoder(sort_keys=True)


def group_facts(spec: RunSpec) -> dict[str, Any]:
    """Return what rows must have in common to be compared."""
    evaluation = spec.evaluation.model_dump(mode="json", exclude={"metrics"})
    return {"model": spec.model, **target_facts(spec), "evaluation": evaluation}


def target_facts(spec: RunSpec) -> dict[str, Any]:
    """Return what decides the kind of target: the recipe that taught it, or its own content.

    Targets of one recipe that differ in their seed alone are of one kind.
    """
    if spec.target_hash:
        names = ("task", "task_version", "data_hash", "target_hash", "target_tuning", "dtype")
        return {name: getattr(spec, name) for name in (*names, "template")}
    observe, target = spec.observe, spec.target
    return {
        "task": observe.task,
        "task_version": observe.task_version,
        "data_hash": observe.data_hash,
        "base_hash": target.base_hash,
        "target_tuning": target.tuning,
        # A target that is tuned whole does not depend on an adapter that comes after it.
        "lora": spec.lora if target.tuning == "lora" else None,
        "target_recipe": {k: v for k, v in target.recipe.items() if k != SEED},
        "dtype": target.dtype,
        "template": target.template,
    }


def target_seed(spec: RunSpec) -> int:
    """Return the seed that the target was trained with; 0 for a given target."""
    return int(spec.target.recipe.get(SEED) or 0)


def run_key(record: RunRecord) -> RunKey:
    """Return a run's target seed and seed."""
    return target_seed(record.spec), record.spec.seed


def target_weights(record: RunRecord) -> str | None:
    """Return the SHA-256 of the target's weights; None where the record names no target."""
    return record.target.weights_hash if record.target else None


def by_target(records: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """Return the records in groups, each with one target model a target seed.

    Equal settings can give other weights (another machine or library, a damaged file): such runs
    started from different models, and nothing is averaged over them. Records without a target
    stand with the others where these are one group; else they stand alone.
    """
    found = list(records)
    counts = Counter((target_seed(one.spec), target_weights(one)) for one in found)
    groups: list[dict[int, str]] = []
    for (seed, weights), _ in sorted(counts.items(), key=lambda one: (one[0][0], -one[1])):
        if weights is None:
            continue
        place = next((group for group in groups if seed not in group), None)
        if place is None:
            groups.append(place := {})
        place[seed] = weights
    split = [
        [one for one in found if target_weights(one) == group.get(target_seed(one.spec), "")]
        for group in groups
    ]
    alone = [one for one in found if target_weights(one) is None]
    if alone and len(split) == 1:
        return [found]
    return [group for group in [*split, alone] if group]


def target_row_of(record: RunRecord, store: RecordStore) -> RunRecord | None:
    """Return the finished record of the run's own target, evaluated in the same way, if any."""

    def key(spec: RunSpec) -> str:
        evaluation = spec.evaluation.model_dump(mode="json")
        attacks = [use.model_dump(mode="json") for use in spec.attacks]
        own = {"limit": spec.limit, "evaluation": evaluation, "attacks": attacks}
        return key_of({**target_facts(spec), SEED: target_seed(spec), **own})

    wanted = key(record.spec)
    found = [
        item
        for item, _ in store.readable()
        if item.status == "done"
        and row_of(item.spec.method, registry()) == "target"
        and key(item.spec) == wanted
        and len(by_target([item, record])) == 1
    ]
    # Under a fresh adapter it is the same model; the plain record is the one to show.
    return min(found, key=lambda item: item.spec.tuning != item.spec.target_tuning, default=None)


def key_of(parts: Any) -> str:
    """Return a JSON value as text; equal values give equal texts."""
    return _ENCODER.encode(parts)
