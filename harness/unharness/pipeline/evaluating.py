"""Weights evaluated without training: those of earlier runs, and those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from unharness.errors import UsageError
from unharness.pipeline.engine_pool import EnginePool
from unharness.pipeline.existing import Outcome
from unharness.pipeline.run import execute_with
from unharness.pipeline.saved_weights import Evaluation, of_run, of_weights
from unharness.progress import Progress
from unharness.progress_bars import chosen_progress
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.registry import Registry, registry
from unharness.request import results_folder

OF_WEIGHTS_ALONE = ("task", "data", "retain", "columns", "limit_train", "model")
"""Options that say nothing of a run: it has them itself."""


def evaluate(
    run: str | RunRecord | None = None,
    *,
    weights: str | Path | None = None,
    name: str | None = None,
    beside: str | RunRecord | None = None,
    gold: bool = False,
    results: str | Path | None = None,
    progress: Progress | bool | None = None,
    **options: Any,
) -> RunRecord:
    """Evaluate weights without training; return the record, the existing one if it was done before.

    Args:
        run: a run whose weights were saved: its record, or the beginning of its run id.
        weights: in place of a run: a checkpoint or an adapter, as a folder or a hub id.
        name: what the row of `weights` is called; None: the last part of the path.
        beside: a run whose target model the weights were made from; they share a table then.
        gold: whether the weights never saw the forget set: a retrained row, with `beside`.
        results: the folder of records; None: that of `UNHARNESS_RESULTS`, else `results`.
        progress: True for bars, None for bars in notebooks alone, or a Progress of one's own.
        options: as of `unharness.run`, those that say how to evaluate: `engine`, `prompt`,
            `attack`, `suite`, `limit`, `device`, …; with weights `task`, `data` and `model`, too.

    Raises:
        UsageError: neither a run nor weights are given, or both; or an option is impossible.
        RecordError: there is no such run, or it has no weights.
        DataError, ModelError: data or weights cannot be used.

    Example:
        >>> import unharness
        >>> made = unharness.run(model="micro", data="standin", epochs=1, save_weights=True)
        >>> again = unharness.evaluate(made, prompt="assistant")
        >>> made.spec.unlearn == again.spec.unlearn
        True
    """
    if (run is None) == (weights is None):
        raise UsageError("evaluate(…) takes a run, or weights=…; one of them")
    if gold and (weights is None or beside is None):
        raise UsageError("gold=True needs weights=…, and beside=…: the run that they stand beside")
    found = registry()
    folder = results_folder(None if results is None else str(results))
    wanted = plan_evaluations(
        [] if run is None else [_run_id(run)],
        [] if weights is None else [str(weights)],
        names=[] if name is None else [name],
        beside=None if beside is None else _run_id(beside),
        gold=gold,
        options={**options, "results": folder},
        registry=found,
    )
    with chosen_progress(progress) as shown:
        [outcome] = run_evaluations(wanted, found, shown)
    return outcome.record


def _run_id(run: str | RunRecord) -> str:
    return run if isinstance(run, str) else run.run_id


def plan_evaluations(
    runs: Sequence[str],
    weights: Sequence[str],
    *,
    names: Sequence[str] = (),
    beside: str | None = None,
    gold: bool = False,
    options: Mapping[str, Any],
    registry: Registry,
) -> list[Evaluation]:
    """Return what to evaluate, resolved and not yet loaded.

    Args:
        runs: beginnings of run ids.
        weights: folders, hub ids, or names that `of_weights` knows.
        names: of the rows of `weights`, one each; none for the last parts of their paths.
        beside: the beginning of the run id of a run that `weights` stand beside.
        gold: whether `weights` are of models that never saw the forget set; each gets the seed
            that is its place in the list, unless the options name one.
        options: of a run; `results` is where the runs are looked up.
        registry: knows the plugins.

    Raises:
        UnharnessError: as `of_run` and `of_weights`.
    """
    store = RecordStore(options["results"])
    changes = {name: value for name, value in options.items() if name not in OF_WEIGHTS_ALONE}
    wanted = [of_run(*store.by_id(run), changes, registry) for run in runs]
    neighbour = store.by_id(beside)[0] if beside else None
    for index, given in enumerate(weights):
        name = names[index] if names else None
        own = {"seed": index, **options} if gold else options
        wanted.append(of_weights(given, name, own, neighbour, registry, gold=gold))
    return wanted


def run_evaluations(
    wanted: Sequence[Evaluation], registry: Registry, progress: Progress
) -> list[Outcome]:
    """Load and evaluate weights, one after the other, with engines that are loaded once."""
    for note in dict.fromkeys(note for one in wanted for note in one.plan.notes):
        progress.note(note)
    outcomes = []
    with closing(EnginePool(registry)) as engines:
        for one in wanted:
            with progress.stage("load weights"):
                unlearned = one.load(progress)
            outcomes.append(execute_with(one.plan, registry, progress, engines, unlearned))
    return outcomes
