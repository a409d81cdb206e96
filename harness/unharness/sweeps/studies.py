"""The studies of a tuning: one for every method that has something to tune, and where each lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unharness.errors import UsageError
from unharness.pipeline.method_choice import make_method
from unharness.pipeline.model_choice import ModelFinder
from unharness.records.stage_specs import RUN_ID_LENGTH
from unharness.records.store import path_name, task_folder
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.objective import make_objective
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.spaces import check_widened, make_space
from unharness.sweeps.study import FORMAT, Study
from unharness.sweeps.trial import Finals
from unharness.sweeps.validation_runs import validation_request
from unharness.unlearning.search import search_space


def make_studies(
    requests: Sequence[RunRequest],
    objective: str | None,
    registry: Registry,
    seed: int = 0,
    widen: Mapping[str, float] | None = None,
    finals: Finals | None = None,
    checkpoints: int | None = None,
    choices: Mapping[str, Mapping[str, tuple[Any, ...]]] | None = None,
) -> list[Study]:
    """Return a study for every request whose method has something to tune.

    Args:
        requests: a run each, with default hyperparameters.
        objective: the label of a column; None: closeness to the retrained model.
        registry: knows the plugins.
        seed: what the seeds of the samplers are derived from, each study's own.
        widen: factor by kind of hyperparameter: over how much wider a range all methods are
            tuned than by default.
        finals: how many of each study's best settings are run again; None: the default.
        checkpoints: at how many points of its training each trial is measured; None: at its end.
        choices: by method, the only values of some hyperparameters that are tried.

    Raises:
        UsageError: a name or a value is unknown, nothing that is to be widened is tuned, a task
            does not measure the objective, or the objective is to match the retrained model.
        PluginError: a task fails.
    """
    finder = ModelFinder(registry)
    check_widened(widen or {}, [registry.get("methods", one.method) for one in requests])
    studies = []
    for request in requests:
        method_class = registry.get("methods", request.method)
        wanted = make_objective(objective, request.task, registry)
        own = (choices or {}).get(request.method, {})
        if not (own or search_space(method_class)):
            continue
        given = request.hyperparameters()
        models = finder.models(request, method_class)
        space = make_space(method_class, models.family, given, widen or {}, own)
        if not space:
            continue
        for name, values in own.items():
            for value in values:  # what it may not be is said before the first trial
                make_method(method_class, models.family, {**given, name: value})
        config = make_method(method_class, models.family, given, tuning=models.tuning).config
        defaults = {name: getattr(config, name) for name in space}
        studies.append(
            Study(
                request,
                space,
                method_class,
                defaults,
                wanted,
                seed,
                finals or Finals(),
                asked_checkpoints=checkpoints,
            )
        )
    return studies


def give_places(studies: Sequence[Study], registry: Registry, observer: SweepObserver) -> None:
    """Give every study the file that says what was tried, beside the trials' records.

    It is named after what makes the study: the ids of the run with the defaults and evaluation,
    which stand for model, data and fixed hyperparameters; the objective; what is tuned within
    which bounds; the user's seed; the format of the study; and its checkpoints, where it has some.
    """
    if not studies:
        return
    requests = [
        validation_request(study.request, study.defaults, study.request.seed) for study in studies
    ]
    plan = plan_sweep(requests, registry)
    evaluations = {cell.run_id: cell.plan.spec.evaluation_id() for cell in plan.cells}
    found: dict[Path, Study] = {}
    for study, run_id in zip(studies, plan.run_ids, strict=True):
        space = {name: repr(place) for name, place in sorted(study.space.items())}
        ids = [run_id, evaluations[run_id]]
        parts = [FORMAT, *ids, study.objective.label, space, study.seed]
        parts += [study.checkpoints] if study.checkpoints else []
        identity = json.dumps(parts)
        key = hashlib.sha256(identity.encode()).hexdigest()[:RUN_ID_LENGTH]
        request = study.request
        folder = Path(
            plan.results,
            task_folder(request.task),
            path_name(request.shown_model),
            request.method,
        )
        study.file = folder / f"study-{key}.json"
        same = found.setdefault(study.file, study)
        if same is not study:
            raise UsageError(f"{same.label} and {study.label} are one model; give one of them")
        _note_others(study, folder, observer)


def _note_others(study: Study, folder: Path, observer: SweepObserver) -> None:
    """Say that studies of former versions are left alone; their trials were made in another way."""
    old = 0
    for path in folder.glob("study-*.json"):
        try:
            old += json.loads(path.read_text(encoding="utf-8")).get("format") != FORMAT
        except (OSError, ValueError, AttributeError):
            continue
    if old:
        observer.note(
            f"{study.label}: {old} earlier {'study' if old == 1 else 'studies'} in {folder} "
            "tuned in another way; not continued"
        )
