"""Tuning at equal effort: the same number of trials, or the same time, for every method.

A trial is a run that is judged on validation splits, held out from the splits that methods may
read; the evaluated splits take no part in it, nor does a target model that was trained on them.
The trials' records lie under `<results>/tuning`, where no leaderboard looks, and with them each
study's journal, from which the same command continues after an interruption. A study ends early
when several trials in a row fail.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.cache import locked
from unharness.errors import UsageError, suggestion
from unharness.evaluation.uses import direction_of, labels_of
from unharness.pipeline.given_target import ModelFinder
from unharness.pipeline.method_choice import make_method
from unharness.pipeline.runner import lock_of
from unharness.records.files import write_json
from unharness.records.record import RunRecord
from unharness.records.stage_specs import RUN_ID_LENGTH
from unharness.records.store import RecordStore, path_name
from unharness.registry import Registry
from unharness.request import RunRequest, results_folder
from unharness.sweeps.executors.executor import Executor, JobResult, SweepObserver
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.spaces import check_widened, make_space
from unharness.sweeps.study import FORMAT, Study, Trial
from unharness.sweeps.sweep import run_sweep
from unharness.unlearning.search import search_space

FOLDER = "tuning"
TARGET_STAGE = "train target"
"""How the stages begin that are shared with other runs, and are not counted as effort."""


@dataclass(frozen=True)
class Effort:
    """What every method is given."""

    trials: int | None = None
    seconds: float | None = None

    def is_over(self, trials: int, seconds: float) -> bool:
        """Return whether a method has had its share; one trial is always had."""
        enough = self.trials is not None and trials >= self.trials
        late = self.seconds is not None and trials > 0 and seconds >= self.seconds
        return enough or late


def make_studies(
    requests: Sequence[RunRequest],
    objective: str | None,
    registry: Registry,
    seed: int = 0,
    widen: Mapping[str, float] | None = None,
) -> list[Study]:
    """Return a study for every request whose method has something to tune.

    Args:
        requests: a run each, with default hyperparameters.
        objective: the label of a column; None: the headline of each request's task.
        registry: knows the plugins.
        seed: what the seeds of the samplers are derived from, each study's own.
        widen: factor by kind of hyperparameter: over how much wider a range all methods are
            tuned than by default.

    Raises:
        UsageError: a name is unknown, nothing that is to be widened is tuned, a task does not
            measure the objective, or the objective is to match the retrained model.
        PluginError: a task fails.
    """
    models = ModelFinder(registry)
    check_widened(widen or {}, [registry.get("methods", one.method) for one in requests])
    studies = []
    for request in requests:
        method_class = registry.get("methods", request.method)
        with registry.named("tasks", request.task):
            task = registry.get("tasks", request.task)
            column = objective or task.headline
            direction = direction_of(column, task.metrics, registry)
        if direction is None:
            raise UsageError(
                f"task {request.task!r} does not measure {column!r}."
                f"{suggestion(column, labels_of(task.metrics))}"
            )
        if direction == "match_reference":
            raise UsageError(
                f"{column!r} is best where it matches the retrained model; tuning needs a "
                "metric of which more, or less, is better"
            )
        if not search_space(method_class):
            continue
        given = request.hyperparameters()
        family = models.target(request, method_class).family if request.target else request.model
        space = make_space(method_class, family, given, widen or {})
        if not space:
            continue
        config = make_method(method_class, family, given).config
        defaults = {name: getattr(config, name) for name in space}
        higher = direction == "higher"
        studies.append(Study(request, space, method_class, defaults, column, higher, seed))
    return studies


def tune(
    studies: Sequence[Study],
    effort: Effort,
    executor: Executor,
    registry: Registry,
    observer: SweepObserver,
) -> None:
    """Give every study its share of trials, one of each at a time, side by side.

    Studies continue from their journals; what these hold counts.

    Raises:
        UsageError: two studies are the same, under other names of one model.
        RecordError: a journal cannot be read.
    """

    def wants_more(study: Study) -> bool:
        return not study.gave_up and not effort.is_over(len(study.trials), study.seconds)

    paths = _paths(studies, registry)
    with ExitStack() as stack:
        for path, study in sorted(paths.items()):  # in one order: two processes never deadlock
            stack.enter_context(study.kept(path.with_suffix(".journal"), observer.note))
        files = {id(study): path for path, study in paths.items()}
        while open_studies := [study for study in studies if wants_more(study)]:
            asked = [(study, *study.ask()) for study in open_studies]
            requests = [_trial_request(study.request, settings) for study, _, settings in asked]
            plan = plan_sweep(requests, registry)
            results = {result.run_id: result for result in run_sweep(plan, executor, observer)}
            store = RecordStore(plan.results)
            specs = {cell.run_id: cell.plan.spec for cell in plan.cells}
            for (study, trial, settings), run_id in zip(asked, plan.run_ids, strict=True):
                record = store.find(specs[run_id])
                result = results.get(run_id)
                study.tell(trial, _outcome(settings, run_id, record, result, study.objective))
                _save(study, files[id(study)])
                if study.gave_up:
                    observer.note(
                        f"{study.label}: tuning ends after {len(study.trials)} trials, as the "
                        f"last {study.failures} failed: {study.trials[-1].error}"
                    )


def final_requests(
    requests: Sequence[RunRequest], studies: Sequence[Study], seeds: Sequence[int]
) -> list[RunRequest]:
    """Return the runs on the evaluated splits: the best hyperparameters, over the seeds.

    Methods without anything to tune are run as they are; one whose trials all failed is left out,
    as its numbers would be those of an untuned method.
    """
    found = {_key(study.request): study for study in studies}
    final = []
    for request in requests:
        study = found.get(_key(request))
        if study and not study.best:
            continue
        update: dict[str, Any] = {}
        if study and study.best:
            settings = {**request.set, **study.best.settings}
            update = {"set": settings, "tuned": len(study.trials)}
        final += [request.model_copy(update=update | {"seed": seed}) for seed in seeds]
    return final


def relabel(requests: Sequence[RunRequest], registry: Registry) -> None:
    """Let records say how their hyperparameters were chosen where a run was done before tuning."""
    for cell in plan_sweep(requests, registry).cells:
        store = RecordStore(cell.plan.spec.results)
        with locked(lock_of(cell.plan)):
            record = store.find(cell.plan.spec)
            if record is not None and record.spec.tuned != cell.plan.spec.tuned:
                record.spec = record.spec.model_copy(update={"tuned": cell.plan.spec.tuned})
                store.save(record)


def _trial_request(request: RunRequest, settings: Mapping[str, Any]) -> RunRequest:
    """Return the run of a trial: judged on the validation splits, and on nothing else."""
    results = str(Path(results_folder(request.results)) / FOLDER)
    return request.model_copy(
        update={"set": {**request.set, **settings}, "eval_split": "validation", "results": results}
        | {"suite": "none", "save_weights": False}
    )


def _outcome(
    settings: Mapping[str, Any],
    run_id: str,
    record: RunRecord | None,
    result: JobResult | None,
    objective: str,
) -> Trial:
    """Return what came of a trial: from its record, and where it failed from the executor too.

    A run that fails costs its wall-clock seconds: many fail before any stage is timed.
    """
    stages = record.cost.stages if record else {}
    target = sum(took for name, took in stages.items() if name.startswith(TARGET_STAGE))
    if record is None or record.status != "done":
        seconds = max(0.0, result.seconds - target) if result else 0.0
        error = (result and result.error) or (record and record.error) or "it left no record"
        return Trial(settings, run_id, None, seconds, error)
    metric = record.metrics.get(objective)
    value = metric.value if metric else None
    missing = None if value is not None else f"its record has no value of {objective}"
    return Trial(settings, run_id, value, sum(stages.values()) - target, missing)


def _paths(studies: Sequence[Study], registry: Registry) -> dict[Path, Study]:
    """Return the studies by the file that says what was tried, beside the trials' records.

    It is named after what makes the study: the ids of the run with the defaults and evaluation,
    which stand for model, data and fixed hyperparameters; the objective; what is tuned within
    which bounds; the user's seed; and the format of the study.
    """
    if not studies:
        return {}
    plan = plan_sweep([_trial_request(one.request, one.defaults) for one in studies], registry)
    evaluations = {cell.run_id: cell.plan.spec.evaluation_id() for cell in plan.cells}
    found: dict[Path, Study] = {}
    for study, run_id in zip(studies, plan.run_ids, strict=True):
        space = {name: repr(place) for name, place in sorted(study.space.items())}
        ids = [run_id, evaluations[run_id]]
        identity = json.dumps([FORMAT, *ids, study.objective, space, study.seed])
        key = hashlib.sha256(identity.encode()).hexdigest()[:RUN_ID_LENGTH]
        request = study.request
        folder = Path(plan.results, request.task, path_name(request.shown_model), request.method)
        same = found.setdefault(folder / f"study-{key}.json", study)
        if same is not study:
            raise UsageError(f"{same.label} and {study.label} are one model; give one of them")
    return found


def _save(study: Study, path: Path) -> None:
    """Write what was tried, for people and programs; what continues the study is its journal."""
    best = study.best
    write_json(
        path,
        {
            "objective": study.objective,
            "format": FORMAT,
            "sampler": f"Sobol, then TPE, seed {study.sampler_seed}",
            "space": {name: str(place) for name, place in study.space.items()},
            "best": best and best.run_id,
            "settings": best and dict(best.settings),
            "trials": [vars(trial) | {"settings": dict(trial.settings)} for trial in study.trials],
        },
    )


def _key(request: RunRequest) -> tuple[str, str, str]:
    return request.task, request.model, request.method
