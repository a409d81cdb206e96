"""The reference rows of the validation part, made once for each target before any trial."""

from __future__ import annotations

from collections.abc import Sequence

from unharness.errors import MethodError, UsageError
from unharness.records.store import RecordStore
from unharness.reference_rows import REFERENCE_ROWS, method_of
from unharness.registry import Registry
from unharness.report.closeness import TO_RANK
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Executor, SweepObserver
from unharness.sweeps.objective import Objective
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.references import reference_requests
from unharness.sweeps.sweep import failures, run_sweep
from unharness.sweeps.validation_runs import validation_request

_HINT = "--objective COLUMN tunes for a column that needs no reference rows"


def validation_references(
    tuned: Sequence[tuple[RunRequest, Objective]], registry: Registry
) -> list[RunRequest]:
    """Return the runs that make the validation part's reference rows, as far as they are needed.

    Args:
        tuned: runs of the methods, with what each is tuned for.
        registry: knows which methods make the rows.

    Raises:
        PluginError: no plugin makes one of them.
    """
    rows = {row for _, objective in tuned for row in objective.references}
    asking = [request for request, objective in tuned if objective.references]
    wanted = [row for row in REFERENCE_ROWS if row in rows]
    made = reference_requests(asking, registry, TO_RANK, wanted)
    return [validation_request(one, {}, one.seed) for one in made]


def run_references(
    tuned: Sequence[tuple[RunRequest, Objective]],
    executor: Executor,
    registry: Registry,
    observer: SweepObserver,
) -> None:
    """Make the reference rows of the validation part that are not there yet.

    They are no method's effort: all are compared with the same ones.

    Args:
        tuned: runs of the methods, with what each is tuned for.
        executor: where they run.
        registry: knows the plugins.
        observer: told of the progress, and of what cannot be measured.

    Raises:
        UsageError: a run has no reference rows: it is limited, or its target is given.
        MethodError: one of them fails, or nothing can be measured by them.
        PluginError: no plugin makes one of them.
    """
    asking = [(request, objective) for request, objective in tuned if objective.references]
    if not asking:
        return
    objective = asking[0][1]
    for request, _ in asking:
        if not validation_references([(request, objective)], registry):
            raise UsageError(
                f"{objective.label} needs reference rows, which limited runs and given targets do "
                f"not have. {_HINT}"
            )
    parts = validation_references(asking, registry)
    plan = plan_sweep(parts, registry)
    observer.expect(len(plan.left) - len(parts))
    for failed in failures(run_sweep(plan, executor, observer)):
        raise MethodError(f"a reference row of the validation part failed: {failed.error}. {_HINT}")
    store, target = RecordStore(plan.results), method_of("target", registry)
    for cell in plan.cells:
        record = store.find(cell.plan.spec) if cell.plan.spec.method == target else None
        if record is None:
            continue
        value, reason = objective.value(record, store)
        if value is None:
            raise MethodError(f"{cell.label}, validation part: {reason}. {_HINT}")
        for text in objective.limits(record, store):
            observer.note(f"validation part: {text}")
