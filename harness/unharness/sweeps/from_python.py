"""Sweeps and tunings as Python code asks for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from unharness import defaults
from unharness.errors import RecordError
from unharness.progress_bars import chosen_progress, wants_bars
from unharness.records.collection import Records
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.sweeps.bars import SweepBar
from unharness.sweeps.executors.executor import Executor, SweepObserver
from unharness.sweeps.grid import SweepRequest, cells, make_sweep_request
from unharness.sweeps.plan import SweepPlan, plan_sweep
from unharness.sweeps.references import with_references
from unharness.sweeps.steering import steered
from unharness.sweeps.study import Study
from unharness.sweeps.sweep import LOCAL, failures, make_executor, run_sweep
from unharness.sweeps.trial import Finals
from unharness.sweeps.tuning import plan_tuning

Names = str | Sequence[str]
Seeds = int | str | Sequence[int]


def sweep(
    method: Names = defaults.METHOD,
    task: Names = defaults.TASK,
    *,
    model: Names = "tiny",
    seed: Seeds = 0,
    hyperparameters: Mapping[str, Any] | None = None,
    references: bool = True,
    executor: str = LOCAL,
    workers: int | None = None,
    address: str | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Records:
    """Run a grid: methods x tasks x models x seeds x hyperparameters; return the records.

    What was done before is not run again, so the same call continues what was interrupted.

    Args:
        method: names, as a list or with commas between them.
        task: the same.
        model: presets, folders or hub ids, in the same way.
        seed: a number, numbers, a range, or a text such as `"0..4"`.
        hyperparameters: by `NAME`, or `METHOD.NAME` for one method alone: a value, or a list.
        references: whether to make the reference rows too, which closeness is measured against.
        executor: where runs are made: `local`, worker processes on this machine; `in-process`, one
            after the other in this process; or another that is registered.
        workers: how many at once, by `local`; None: what the machine has room for.
        address: of the cluster, for executors that use one.
        progress: whether to draw a bar; None: in notebooks alone.
        options: as of `unharness.run`, for all runs: `data`, `tuning`, `limit`, `results`, …; and
            `target_seed`, seeds of the target model.

    Returns:
        The records of the grid and of its reference rows. A run that failed has `status` "failed"
        and says why in `error`; a warning names how many did.

    Raises:
        UsageError: a name or an option is not what it may be; nothing is run then.
        DataError, ModelError: data or a model cannot be used; nothing is run then.

    Example:
        >>> import unharness
        >>> records = unharness.sweep(
        ...     seed=range(2), hyperparameters={"epochs": [1]}, model="micro", data="standin",
        ...     references=False, executor="in-process",
        ... )
        >>> [(record.spec.seed, record.spec.config["epochs"]) for record in records]
        [(0, 1), (1, 1)]
    """
    found = registry()
    request = _request(method, task, model, seed, hyperparameters, options)
    requests = cells(request, found)
    if references:
        requests = with_references(requests, found)
    with chosen_progress(progress) as planning:
        plan = plan_sweep(requests, found, planning)
    made = make_executor(executor, {"workers": workers, "address": address}, found)
    with closing(made) as runner:
        return _records_of_runs(plan, runner, progress)


@dataclass(frozen=True)
class Tuned:
    """What a tuning chose, and the runs with it."""

    chosen: Mapping[str, Mapping[str, Any]]
    """Hyperparameters by method; by method, task and model where several are tuned."""
    records: Records
    """The runs with them over the seeds, and the reference rows."""


def tune(
    method: Names = defaults.METHOD,
    task: Names = defaults.TASK,
    *,
    trials: int | None = None,
    budget_minutes: float | None = None,
    objective: str | None = None,
    model: Names = "tiny",
    seed: Seeds = 0,
    hyperparameters: Mapping[str, Any] | None = None,
    finalists: int = 3,
    finalist_seeds: int = 2,
    checkpoints: int | None = None,
    widen: Mapping[str, float] | None = None,
    references: bool = True,
    executor: str = LOCAL,
    workers: int | None = None,
    address: str | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Tuned:
    """Tune every method with the same budget, then run what was chosen over the seeds.

    The same call continues an interrupted tuning.

    Args:
        method: names, as a list or with commas between them.
        task: the same.
        trials: for each method; this or `budget_minutes`, or both, must be given.
        budget_minutes: for each method's trials.
        objective: the label of a column; None: closeness to the retrained model.
        model: presets, folders or hub ids.
        seed: of the final runs, as in `sweep`; the trials have the first one.
        hyperparameters: by `NAME` or `METHOD.NAME`: a value, which is fixed and so not tuned, or a
            list, of which the best value is looked for.
        finalists: how many of each method's best trials are run again with new seeds; the best
            mean wins. 0: the best trial does.
        finalist_seeds: with how many seeds each.
        checkpoints: at how many steps of its training each trial is measured; None: at its end.
        widen: by kind of hyperparameter, a factor: over how much wider a range all are tuned.
        references: whether to make the reference rows of the evaluated splits too.
        executor: as in `sweep`, with `workers` and `address`.
        workers: how many runs at once.
        address: of the cluster.
        progress: whether to draw bars; None: in notebooks alone.
        options: as of `unharness.run`, for all runs.

    Raises:
        UsageError: a name or an option is not what it may be, or there is no budget.
        DataError, ModelError: data or a model cannot be used.
        MethodError: all trials of all methods failed, or a reference row did.

    Example:
        >>> import unharness
        >>> column = unharness.load_records("results")[0].ranking.headline
        >>> tuned = unharness.tune(
        ...     "gradient-ascent", trials=1, finalists=0, objective=column, model="micro",
        ...     data="standin", hyperparameters={"epochs": 1}, target_set={"epochs": 2},
        ...     references=False, executor="in-process",
        ... )
        >>> list(tuned.chosen["gradient-ascent"])
        ['lr']
        >>> [record.spec.tuned for record in tuned.records]
        [1]
    """
    found = registry()
    request = _request(method, task, model, seed, hyperparameters, options)
    tuning = plan_tuning(
        request.model_copy(update={"references": references}),
        found,
        trials=trials,
        budget_minutes=budget_minutes,
        objective=objective,
        widen=widen,
        finals=Finals(finalists, finalist_seeds),
        checkpoints=checkpoints,
    )
    made = make_executor(executor, {"workers": workers, "address": address}, found)
    with closing(made) as runner:
        with _observer(tuning.runs, progress) as told:
            for note in tuning.notes:
                told.note(note)
            tuning.search(runner, told)
        plan = tuning.plan_final_runs()
        for problem in tuning.problems:
            warnings.warn(problem, stacklevel=2)
        _records_of_runs(plan, runner, progress)
    tuning.conclude(plan)
    return Tuned(_chosen(tuning.studies), records_of(plan))


def _chosen(studies: Sequence[Study]) -> dict[str, Mapping[str, Any]]:
    """Return the hyperparameters that were chosen; a study whose trials all failed has none."""
    several = len({(one.request.task, one.request.shown_model) for one in studies}) > 1
    return {
        one.label if several else one.request.method: dict(one.chosen.settings)
        for one in studies
        if one.chosen
    }


def _request(
    method: Names,
    task: Names,
    model: Names,
    seed: Seeds,
    hyperparameters: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> SweepRequest:
    """Return the request of a grid.

    Raises:
        UsageError: an option is unknown or has an impossible value.
    """
    values = {"method": method, "task": task, "model": model, "seed": seed, **options}
    values = {
        name: list(value) if isinstance(value, range) else value for name, value in values.items()
    }
    return make_sweep_request({**values, "set": dict(hyperparameters or {})})


def _records_of_runs(plan: SweepPlan, executor: Executor, progress: bool | None) -> Records:
    """Run what is left of a plan, warn of what failed, and return all records."""
    with _observer(len(plan.left), progress) as shown, steered(plan, shown) as told:
        for note in plan.notes():
            told.note(note)
        failed = failures(run_sweep(plan, executor, told))
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(plan.cells)} runs failed; the first one: {failed[0].error}",
            stacklevel=3,
        )
    return records_of(plan)


def records_of(plan: SweepPlan) -> Records:
    """Return the records of a sweep's runs, done or failed, each once, in the order of the plan."""
    store = RecordStore(plan.results)
    found = Records()
    for row in (row for cell in plan.cells for row in cell.plan.rows):
        try:
            record = store.find(row.spec)
        except RecordError:
            continue
        if record is not None:
            found.append(record)
    return found


@contextmanager
def _observer(total: int, wanted: bool | None) -> Iterator[SweepObserver]:
    """Show so many runs, where that is wanted."""
    if not wants_bars(wanted):
        yield SweepObserver()
        return
    with closing(SweepBar(total)) as bar:
        yield bar
