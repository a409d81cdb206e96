"""The way in: a request becomes a plan, and a plan a record."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from unharness import defaults
from unharness.cache import locked
from unharness.evaluation.suite_reach import check_reachable
from unharness.loggers.listening import logging_runs
from unharness.pipeline.clock import PrefixedProgress
from unharness.pipeline.engine_pool import EnginePool
from unharness.pipeline.existing import Outcome, existing_outcome, outcome_of, standing
from unharness.pipeline.published_weights import published_note
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.runner import Runner, Unlearned
from unharness.progress import Progress
from unharness.progress_bars import chosen_progress
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.registry import Registry, registry
from unharness.request import make_request


def run(
    method: str = defaults.METHOD,
    task: str = defaults.TASK,
    *,
    hyperparameters: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    progress: Progress | bool | None = None,
    **options: Any,
) -> RunRecord:
    """Unlearn and evaluate; return the record, the existing one if the run was done before.

    Of several prompts or attacks, the first one's record is returned; all are on the disk.

    Args:
        method: its name.
        task: its name.
        hyperparameters: of the method, by name.
        config: the same; deprecated, it goes with version 0.3.
        progress: True for bars, None for bars in notebooks alone, or a Progress of one's own.
        options: as on the command line: `model`, `target`, `tuning`, `engine`, `seed`, `epochs`,
            `lr`, `batch_size`, `preset`, `prompt`, `attack`, `suite`, `include_path`,
            `suite_data`, `suite_limit`, `data`, `log`,
            `general`, `results`, `save_weights`, `template`, `max_length`, `max_new_tokens`,
            `limit`, `limit_train`, `metric`, `device`, `force`; and mappings: `lora`, of rank,
            scale and dropout, `target_set`, of the target's recipe, `engine_set`, of the engine's
            options.

    Raises:
        UsageError: a name or an option is not what it may be.
        DataError, ModelError: data or model cannot be used.
        MethodError: the method failed; its record says so too.

    Example:
        >>> import unharness
        >>> record = unharness.run(model="micro", data="standin", hyperparameters={"epochs": 1})
        >>> record.status, record.spec.config["epochs"]
        ('done', 1)
        >>> best = record.metrics[record.ranking.headline]
        >>> best.ci95[0] <= best.value <= best.ci95[1]
        True
    """
    if config is not None:
        warnings.warn("run(config=…) is now hyperparameters=…", DeprecationWarning, stacklevel=2)
    given = {**(config or {}), **(hyperparameters or {})}
    request = make_request({"method": method, "task": task, "set": given, **options})
    found = registry()
    with chosen_progress(progress) as shown:
        return execute(resolve(request, found), found, shown).record


def execute(plan: RunPlan, registry: Registry, progress: Progress) -> Outcome:
    """Run a plan, unless its record is there already.

    Raises:
        UnharnessError: the run failed; a `failed` record says why.
    """
    if found := existing_outcome(plan):
        return found
    if note := published_note(plan, registry):
        progress.note(note)
    with closing(EnginePool(registry)) as engines:
        return execute_with(plan, registry, progress, engines)


def execute_with(
    plan: RunPlan,
    registry: Registry,
    progress: Progress,
    engines: EnginePool,
    unlearned: Unlearned | None = None,
) -> Outcome:
    """Run a plan with engines that others may use as well.

    Args:
        plan: the run.
        registry: knows the plugins.
        progress: told how far the run is.
        engines: what generates.
        unlearned: the weights, where they are in hand: then nothing is trained.

    Raises:
        UnharnessError: the run failed; a `failed` record says why.
    """
    # Where all is done, nothing is written: records are shown from a folder that can only be read.
    if found := existing_outcome(plan):
        return found
    store = RecordStore(plan.spec.results)
    lock = store.lock(plan.spec)
    made: list[Outcome] = []
    logged = logging_runs(plan.loggers, plan.spec.results, registry, progress.note)
    # A second process that wants the same waits, and finds it.
    with locked(lock, progress.note), logged:
        there = [standing(store, row) for row in plan.rows]
        if plan.suite and None in there:
            check_reachable(plan.suite, registry)
            if plan.suite.data:
                progress.note(f"suite {plan.suite.name}: questions from {plan.suite.data.folder}")
        for row, record in zip(plan.rows, there, strict=True):
            existed = record is not None
            if record is None:
                shown = progress if row is plan.rows[0] else _under(progress, row)
                under_way = Runner(row, registry, shown, store, engines, unlearned=unlearned)
                record = under_way.run()
                unlearned = under_way.unlearned
            made.append(outcome_of(record, store, row, existed=existed))
    return replace(made[0], also=tuple(made[1:]))


def _under(progress: Progress, plan: RunPlan) -> Progress:
    return PrefixedProgress(progress, f"{plan.spec.attack_name}: ")
