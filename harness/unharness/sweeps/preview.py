"""What a tuning would run, before it runs anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from unharness.registry import Registry
from unharness.report.studies import FoundStudy
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.final_runs import final_requests
from unharness.sweeps.grid import over_targets
from unharness.sweeps.plan import SweepPlan, plan_sweep
from unharness.sweeps.reference_runs import validation_references
from unharness.sweeps.references import references_of
from unharness.sweeps.studies import give_places
from unharness.sweeps.study import Study
from unharness.sweeps.tune import Effort, trial_count
from unharness.sweeps.tuning import Tuning


@dataclass(frozen=True)
class Search:
    """One method's trials."""

    space: Mapping[str, str] = field(default_factory=dict)
    """Within which bounds each hyperparameter is tuned; empty: the defaults are run."""
    trials: int | None = 0
    """None where a time limit alone decides."""
    tried: int = 0
    """Those of an earlier command, which count."""
    finalist_runs: int = 0
    """At most."""


@dataclass(frozen=True)
class Preview:
    """What a tuning would run."""

    searches: Mapping[str, Search]
    """By method; by method, task and model where several are tuned."""
    final_runs: int
    """With the hyperparameters that are chosen, for each of them."""
    validation: SweepPlan | None
    """Reference rows of the validation part; None where no objective needs one."""
    references: SweepPlan | None
    """Reference rows beside the final runs; None where none are wanted."""


def preview(tuning: Tuning) -> Preview:
    """Return what a tuning would run; nothing is written.

    Args:
        tuning: before its search.

    Raises:
        UsageError: two studies are the same, under other names of one model.
        PluginError: no plugin makes a reference row.
    """
    request, registry = tuning.request, tuning.registry
    give_places(tuning.studies, registry, SweepObserver())
    finals = over_targets(final_requests(tuning.requests, (), request.seed), request.target_seed)
    tuned = [(study.request, study.objective) for study in tuning.studies]
    return Preview(
        _searches(tuning.requests, tuning.studies, tuning.effort),
        len(finals) // len(tuning.requests),
        _plan(validation_references(tuned, registry), registry),
        _plan(references_of(finals, registry) if request.references else (), registry),
    )


def _searches(
    requests: Sequence[RunRequest], studies: Sequence[Study], effort: Effort
) -> dict[str, Search]:
    several = len({(one.task, one.shown_model) for one in requests}) > 1
    found = {}
    for request in requests:
        study = next((one for one in studies if one.request is request), None)
        place = f" on {request.task}, {request.shown_model}" if several else ""
        found[request.method + place] = _search(study, effort) if study else Search()
    return found


def _search(study: Study, effort: Effort) -> Search:
    return Search(
        {name: str(place) for name, place in study.space.items()},
        trial_count(study, effort) or None,
        _tried(study.file),
        study.finals.runs,
    )


def _tried(file: Path | None) -> int:
    """Return how many trials a study's file holds; 0 where there is none that can be read."""
    try:
        return len(FoundStudy.model_validate_json(file.read_bytes()).best_so_far) if file else 0
    except (OSError, ValidationError):
        return 0


def _plan(requests: Sequence[RunRequest], registry: Registry) -> SweepPlan | None:
    return plan_sweep(requests, registry) if requests else None
