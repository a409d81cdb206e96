"""Sweeps as Python code asks for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from unharness import defaults
from unharness.errors import RecordError
from unharness.progress_bars import chosen_progress, wants_bars
from unharness.records.collection import Records
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.sweeps.bars import SweepBar
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.grid import cells, make_sweep_request
from unharness.sweeps.plan import SweepPlan, plan_sweep
from unharness.sweeps.references import with_references
from unharness.sweeps.steering import steered
from unharness.sweeps.sweep import LOCAL, failures, make_executor, run_sweep

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
    grid: dict[str, Any] = {"method": method, "task": task, "model": model, "seed": seed}
    grid |= {"set": dict(hyperparameters or {}), **options}
    lists = {name: list(value) for name, value in grid.items() if isinstance(value, range)}
    request = make_sweep_request(grid | lists)
    requests = cells(request, found)
    if references:
        requests = with_references(requests, found)
    with chosen_progress(progress) as planning:
        plan = plan_sweep(requests, found, planning)
    made = make_executor(executor, {"workers": workers, "address": address}, found)
    with closing(made) as runner, _observer(plan, progress) as shown, steered(plan, shown) as told:
        for note in plan.notes():
            told.note(note)
        failed = failures(run_sweep(plan, runner, told))
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(plan.cells)} runs failed; the first one: {failed[0].error}",
            stacklevel=2,
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
def _observer(plan: SweepPlan, wanted: bool | None) -> Iterator[SweepObserver]:
    """Show the runs that are left, where that is wanted."""
    if not wants_bars(wanted):
        yield SweepObserver()
        return
    with closing(SweepBar(len(plan.left))) as bar:
        yield bar
