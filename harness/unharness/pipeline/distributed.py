"""A run by several processes: all train, the first one evaluates and leaves the records."""

from __future__ import annotations

from unharness.errors import UsageError
from unharness.models.weights import weights_hash
from unharness.pipeline.existing import Outcome, existing_outcome
from unharness.pipeline.record_builder import data_record, target_record, utc_now
from unharness.pipeline.run import execute
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.run_method import run_method
from unharness.pipeline.stages.target import target_model
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.registry import Registry
from unharness.training import ranks


def execute_together(plan: RunPlan, registry: Registry, progress: Progress) -> Outcome | None:
    """Run a plan as one of several processes; None in all but the first.

    Raises:
        UnharnessError: as `execute`; or the processes are launched in a way that cannot be.
    """
    for attack in (one for chain in plan.chains for one in chain.attacks):
        if attack.changes_weights:
            raise UsageError(
                f"--attack {attack.name}: an attack that changes weights runs in one process; "
                "unlearn with --save-weights first, then: unharness evaluate RUN --attack …"
            )
    ranks.join(plan.spec.device)
    missing = existing_outcome(plan) is None
    if ranks.agree(missing) and not ranks.is_leader():
        _follow(plan, registry)
    return execute(plan, registry, progress) if ranks.is_leader() else None


def _follow(plan: RunPlan, registry: Registry) -> None:
    """Take part in every training of a run, in the first process's order."""
    target = target_model(plan, Progress())
    record = RunRecord(
        run_id=plan.spec.run_id(),
        identity_version=IDENTITY_VERSION,
        status="running",
        started=utc_now(),
        spec=plan.spec,
        data=data_record(plan),
    )
    record.target = target_record(plan, target, weights_hash(target.model))
    run_method(plan, registry, Progress(), target, record)
