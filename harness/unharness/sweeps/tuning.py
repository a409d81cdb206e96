"""A tuning from its request to the runs with what it chose, as command line and Python make it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unharness.errors import MethodError, UsageError
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Executor, SweepObserver
from unharness.sweeps.final_runs import compare_with_evaluation, final_requests, relabel
from unharness.sweeps.grid import SweepRequest, cells, over_targets, value_lists
from unharness.sweeps.plan import SweepPlan, plan_sweep
from unharness.sweeps.references import with_references
from unharness.sweeps.studies import make_studies
from unharness.sweeps.study import Study
from unharness.sweeps.trial import Finals
from unharness.sweeps.tune import Effort, run_count, tune


@dataclass
class Tuning:
    """One tuning: call `search`, `plan_final_runs`, run that plan, and call `conclude`."""

    request: SweepRequest
    requests: Sequence[RunRequest]
    """One for each method, task and model, with the first seed."""
    studies: Sequence[Study]
    """Of those that have something to tune."""
    effort: Effort
    registry: Registry
    notes: Sequence[str] = ()
    """What the user should know before anything is run."""
    final: Sequence[RunRequest] = field(default=(), init=False)
    """The runs on the evaluated splits; known once the search is over."""

    @property
    def runs(self) -> int:
        """How many runs the search has; 0 if that is unknown."""
        return run_count(self.studies, self.effort, self.registry)

    def search(self, executor: Executor, observer: SweepObserver) -> None:
        """Run trials and finalists of every study."""
        tune(self.studies, self.effort, executor, self.registry, observer)

    @property
    def problems(self) -> list[str]:
        """What is to be said of every method without a single successful trial."""
        return [
            f"{study.label}: all {len(study.trials)} trials failed, so there is nothing to "
            f"run. The last one: {study.trials[-1].error}"
            for study in self.studies
            if study.best is None
        ]

    def plan_final_runs(self) -> SweepPlan:
        """Return the runs with the chosen hyperparameters over the seeds, and reference rows.

        Raises:
            MethodError: all trials of all methods failed.
        """
        final = final_requests(self.requests, self.studies, self.request.seed)
        if not final:
            raise MethodError("; ".join(self.problems))
        self.final = over_targets(final, self.request.target_seed)
        wanted = self.final
        if self.request.references:
            wanted = with_references(self.final, self.registry)
        return plan_sweep(wanted, self.registry)

    def final_ids(self, plan: SweepPlan) -> set[str]:
        """Return the run ids of the final runs in their plan; others are of reference rows."""
        return set(plan.run_ids[-len(self.final) :])

    def conclude(self, plan: SweepPlan) -> None:
        """Let records say how their hyperparameters were chosen, and studies what came of it."""
        relabel(plan)
        compare_with_evaluation(self.studies, self.final, plan)


def plan_tuning(
    request: SweepRequest,
    registry: Registry,
    *,
    trials: int | None,
    budget_minutes: float | None,
    objective: str | None = None,
    widen: Mapping[str, float] | None = None,
    finals: Finals | None = None,
    checkpoints: int | None = None,
) -> Tuning:
    """Return a tuning; what is wrong with it is told before any trial.

    Args:
        request: the methods, tasks, models and seeds; a hyperparameter that it sets to one value
            is not tuned, and of several values the best one is looked for.
        registry: knows the plugins.
        trials: for each method.
        budget_minutes: for each method's trials; instead of `trials` or in addition.
        objective: a column's label; None: closeness to the retrained model.
        widen: by kind of hyperparameter, over how much wider a range all methods are tuned.
        finals: how many of the best trials are run again; None: the default.
        checkpoints: at how many points of its training each trial is measured; None: at its end.

    Raises:
        UsageError: there is no budget, a method, task or model is given twice, or as
            `make_studies`.
        DataError, ModelError: data or a model cannot be used.
    """
    if trials is None and budget_minutes is None:
        raise UsageError("tuning needs a budget: give trials, minutes, or both")
    one_seed = {"seed": request.seed[:1], "target_seed": request.target_seed[:1]}
    one_value = {"set": {name: values[:1] for name, values in request.set.items()}}
    requests = cells(request.model_copy(update=one_seed | one_value), registry)
    if len({(one.task, one.model, one.method) for one in requests}) < len(requests):
        raise UsageError("tuning needs each method, task and model once")
    choices = {method: _choices(request, method) for method in request.method}
    requests = [_without(one, choices[one.method]) for one in requests]
    notes = plan_sweep(requests, registry).notes()
    studies = make_studies(
        requests, objective, registry, request.seed[0], widen, finals, checkpoints, choices
    )
    effort = Effort(trials, budget_minutes and budget_minutes * 60)
    return Tuning(request, requests, studies, effort, registry, notes)


def _choices(request: SweepRequest, method: str) -> dict[str, tuple[Any, ...]]:
    """Return the hyperparameters of a method that are given several values."""
    lists = value_lists(request, method)
    different = {name: tuple(dict.fromkeys(values)) for name, values in lists.items()}
    return {name: values for name, values in different.items() if len(values) > 1}


def _without(request: RunRequest, names: Collection[str]) -> RunRequest:
    """Return a request that leaves some hyperparameters to be tuned."""
    kept = {name: value for name, value in request.set.items() if name not in names}
    return request.model_copy(update={"set": kept})
