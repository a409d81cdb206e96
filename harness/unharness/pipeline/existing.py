"""What is there already: records of runs that are done. Imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from unharness.errors import RecordError, SchemaError
from unharness.evaluation.metric_records import are_current
from unharness.pipeline.run_plan import RunPlan
from unharness.records.record import RunRecord
from unharness.records.stage_specs import ScoreSpec
from unharness.records.store import RecordStore

State = Literal["done", "failed", "new"]


@dataclass(frozen=True)
class Outcome:
    """What came of a request."""

    record: RunRecord
    target: RunRecord | None
    """The target's own record, where there is one."""
    folder: Path
    existed: bool
    """Whether the record was there already, and nothing was run."""
    also: tuple[Outcome, ...] = ()
    """The same unlearned weights under further attacks."""


def finished(store: RecordStore, plan: RunPlan) -> RunRecord | None:
    """Return the record of a run that is done, with its weights if they are wanted."""
    try:
        record = store.find(plan.spec)
    except RecordError:
        return None
    if record is None or record.status != "done":
        return None
    if plan.spec.save_weights and "weights" not in record.artifacts:
        return None
    # Metrics are no part of a run's id; a record that lacks one, or has another version or other
    # parameters of it, is evaluated once more.
    same = _score_spec(record, plan) == plan.spec.score
    same = same and are_current(record.metrics, plan.columns)
    return record if same else None


def _score_spec(record: RunRecord, plan: RunPlan) -> ScoreSpec:
    """Return a record's spec; columns that another request or a plugin added do not matter."""
    found = record.spec.score
    wanted = plan.spec.score.metrics
    own = tuple(label for label in found.metrics if label in wanted)
    return found.model_copy(update={"metrics": own})


def standing(store: RecordStore, plan: RunPlan) -> RunRecord | None:
    """Return the record of a plan that is there, and is not to be made again."""
    return None if plan.request.force else finished(store, plan)


def existing_outcome(plan: RunPlan) -> Outcome | None:
    """Return the outcome of a plan that was carried out before, under every attack; else None."""
    store = RecordStore(plan.spec.results)
    found: list[Outcome] = []
    for row in plan.rows:
        record = standing(store, row)
        if record is None:
            return None
        found.append(outcome_of(record, store, row, existed=True))
    return replace(found[0], also=tuple(found[1:]))


def state_of(plan: RunPlan) -> tuple[State, str | None]:
    """Return whether a run is done, and why it failed if it did.

    Raises:
        SchemaError: a record of another schema stands in its place.
    """
    store = RecordStore(plan.spec.results)
    if all(standing(store, row) for row in plan.rows):
        return "done", None
    try:
        record = store.find(plan.spec)
    except SchemaError:
        raise
    except RecordError:
        return "new", None
    if record is not None and record.status == "failed":
        return "failed", record.error
    return "new", None


def outcome_of(record: RunRecord, store: RecordStore, plan: RunPlan, *, existed: bool) -> Outcome:
    """Return a record with its target's own."""
    row = finished(store, plan.target_row) if plan.target_row else None
    return Outcome(record, _of_same_target(record, row), store.folder(plan.spec), existed)


def _of_same_target(record: RunRecord, row: RunRecord | None) -> RunRecord | None:
    """Return the target's own record unless another target, of equal settings, left it."""
    found = [one.target.weights_hash for one in (record, row) if one and one.target]
    return row if len(set(found)) <= 1 else None
