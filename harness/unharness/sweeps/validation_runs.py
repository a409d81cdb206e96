"""Runs on the validation part: of trials and of finalists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unharness.data.recipe import HIGHEST_SEED
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.registry import Registry
from unharness.report.studies import FOLDER
from unharness.request import RunRequest, results_folder
from unharness.sweeps.executors.executor import Executor, JobResult, SweepObserver
from unharness.sweeps.objective import Objective
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.sweep import run_sweep
from unharness.sweeps.trial import TARGET_STAGES, Budget, Trial

Tried = tuple[RunRequest, Mapping[str, Any], Objective]
"""A request, the settings that it tries, and what it is judged by."""


def validation_request(
    request: RunRequest, settings: Mapping[str, Any], seed: int, checkpoints: int | None = None
) -> RunRequest:
    """Return a run that is judged on the validation splits, and on nothing else.

    Args:
        request: the user's.
        settings: hyperparameters that are tried.
        seed: of the run.
        checkpoints: at how many steps of its training it is measured; None: at the end alone.
    """
    results = str(Path(results_folder(request.results)) / FOLDER)
    return request.model_copy(
        update={"set": {**request.set, **settings}, "eval_split": "validation", "results": results}
        | {"suite": "none", "save_weights": False, "seed": seed, "checkpoints": checkpoints}
    )


def later_seeds(request: RunRequest, count: int) -> list[int]:
    """Return seeds that no trial has."""
    return [(request.seed + 1 + at) % (HIGHEST_SEED + 1) for at in range(count)]


def run_all(
    tried: Sequence[Tried],
    executor: Executor,
    registry: Registry,
    observer: SweepObserver,
    budget: Callable[[RunRecord], Budget] = Budget.of,
    announced: bool = True,
) -> list[Trial]:
    """Run what is not done yet, and return what came of every request.

    Args:
        tried: requests, with the settings that each tries and what it is judged by.
        executor: where they run.
        registry: knows the plugins.
        observer: told of the progress.
        budget: what a run's training counts for.
        announced: whether the observer expects them.
    """
    plan = plan_sweep([request for request, _, _ in tried], registry)
    observer.expect(len(plan.left) - (len(tried) if announced else 0))
    results = {result.run_id: result for result in run_sweep(plan, executor, observer)}
    store = RecordStore(plan.results)
    specs = {cell.run_id: cell.plan.spec for cell in plan.cells}
    return [
        _outcome(
            settings,
            run_id,
            store,
            store.find(specs[run_id]),
            results.get(run_id),
            objective,
            budget,
        )
        for (_, settings, objective), run_id in zip(tried, plan.run_ids, strict=True)
    ]


def _outcome(
    settings: Mapping[str, Any],
    run_id: str,
    store: RecordStore,
    record: RunRecord | None,
    result: JobResult | None,
    objective: Objective,
    budget: Callable[[RunRecord], Budget],
) -> Trial:
    """Return what came of a run: from its record, and where it failed from the executor too.

    A run that fails costs its wall-clock seconds: many fail before any stage is timed.
    """
    stages = record.cost.stages if record else {}
    target = sum(took for name, took in stages.items() if name.startswith(TARGET_STAGES))
    training = budget(record) if record else Budget()
    if record is None or record.status != "done":
        seconds = max(0.0, result.seconds - target) if result else 0.0
        error = (result and result.error) or (record and record.error) or "it left no record"
        return Trial(settings, run_id, None, seconds, error, training)
    value, missing = objective.value(record, store)
    return Trial(settings, run_id, value, sum(stages.values()) - target, missing, training)
