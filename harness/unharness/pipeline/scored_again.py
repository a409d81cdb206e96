"""Records whose metrics alone are others: computed from what was observed, without a model."""

from __future__ import annotations

from pathlib import Path

from unharness.errors import RecordError
from unharness.evaluation.columns import MetricColumn
from unharness.evaluation.observe import wanted_observations
from unharness.evaluation.storage import StoredObservations
from unharness.pipeline.existing import finished
from unharness.pipeline.rescore import rescore
from unharness.pipeline.run_plan import RunPlan
from unharness.records.artifacts import observations_path
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore, StoredRecord
from unharness.registry import Registry


def score_again(plan: RunPlan, registry: Registry) -> bool:
    """Compute the plan's metrics for those of its records that lack nothing else.

    A metric that was added, or has another version, needs no model where all that it asks for was
    observed. What cannot be computed so is left as it is.

    Returns:
        Whether any record was scored.
    """
    if plan.request.force:
        return False
    store = RecordStore(plan.spec.results)
    targets = [row.target_row for row in plan.rows if row.target_row]
    scored = [_scored(row, store, registry) for row in (*targets, *plan.rows)]
    return any(scored)


def _scored(plan: RunPlan, store: RecordStore, registry: Registry) -> bool:
    folder = store.folder(plan.spec)
    try:
        record = store.find(plan.spec)
        if record is None or finished(store, plan) or not _lacks_metrics_alone(record, plan):
            return False
        if not _observed(plan, record, folder):
            return False
        rescore(StoredRecord(record, folder), store, registry, plan.request.metric)
    except RecordError:  # damaged: it is evaluated again
        return False
    return finished(store, plan) is not None


def _lacks_metrics_alone(record: RunRecord, plan: RunPlan) -> bool:
    """Whether a record is what the plan asks for, except for its metrics."""
    if record.status != "done":
        return False
    if plan.spec.save_weights and "weights" not in record.artifacts:
        return False
    found, wanted = (
        spec.model_copy(update={"metrics": ()}) for spec in (record.spec.score, plan.spec.score)
    )
    return found == wanted


def _observed(plan: RunPlan, record: RunRecord, folder: Path) -> bool:
    """Whether all that the plan's columns ask for was observed and kept."""
    path = observations_path(record, folder)
    if path is None:
        return False
    stored = StoredObservations(path)
    splits = {name for one in plan.columns if isinstance(one, MetricColumn) for name in one.splits}
    if not splits <= set(stored.splits):
        return False
    return stored.hold(wanted_observations(plan.columns, stored.splits))
