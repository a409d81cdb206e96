"""The runs on the evaluated splits, with the hyperparameters that tuning chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unharness.cache import locked
from unharness.records.store import RecordStore
from unharness.request import RunRequest
from unharness.sweeps.plan import SweepPlan
from unharness.sweeps.study import Study
from unharness.sweeps.study_file import save


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
        chosen = study.chosen if study else None
        if study and not chosen:
            continue
        update: dict[str, Any] = {}
        if study and chosen:
            settings = {**request.set, **chosen.settings}
            update = {"set": settings, "tuned": len(study.trials)}
        final += [request.model_copy(update=update | {"seed": seed}) for seed in seeds]
    return final


def compare_with_evaluation(
    studies: Sequence[Study], final: Sequence[RunRequest], plan: SweepPlan
) -> None:
    """Give every study the objective's values of its final runs, and save it.

    Args:
        studies: after tuning.
        final: the runs on the evaluated splits; those that are not done have no value.
        plan: of these runs; others, as of reference rows, stand before them.
    """
    store = RecordStore(plan.results)
    specs = {cell.run_id: cell.plan.spec for cell in plan.cells}
    for study in studies:
        study.evaluation.clear()
        for request, run_id in zip(final, plan.run_ids[-len(final) :], strict=True):
            record = store.find(specs[run_id]) if _key(request) == _key(study.request) else None
            if record is not None and record.status == "done":
                value, _ = study.objective.value(record, store)
                if value is not None:
                    study.evaluation[_seeds(request)] = value
        save(study)


def relabel(plan: SweepPlan) -> None:
    """Let records say how their hyperparameters were chosen where a run was done before tuning."""
    for cell in plan.cells:
        store = RecordStore(cell.plan.spec.results)
        with locked(store.lock(cell.plan.spec)):
            record = store.find(cell.plan.spec)
            if record is not None and record.spec.tuned != cell.plan.spec.tuned:
                record.spec = record.spec.model_copy(update={"tuned": cell.plan.spec.tuned})
                store.save(record)


def _seeds(request: RunRequest) -> str:
    """Return the seed of a run, and that of its target where one is given."""
    target = request.target_set.get("seed")
    return str(request.seed) if target is None else f"{request.seed}, target {target}"


def _key(request: RunRequest) -> tuple[str, str, str]:
    return request.task, request.model, request.method
