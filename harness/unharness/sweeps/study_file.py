"""What a study found, as a JSON file for people and programs.

What continues the study is its journal; a board's page and a dry run read this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from unharness.records.files import write_json
from unharness.sweeps.study import FORMAT, Study
from unharness.sweeps.trial import Budget, Finalist, Trial


def save(study: Study) -> None:
    """Write a study's file; one without a place of its own is not written."""
    if study.file is not None:
        write_json(study.file, facts(study))


def facts(study: Study) -> dict[str, Any]:
    """Return what a study found as JSON values.

    `best_so_far` has a value for every trial, in their order: the best of those up to it, null
    before the first success. `validation` is the value of what was chosen on the validation part,
    over the finalists' seeds; `evaluation` the same settings' on the evaluated splits.
    """
    best, chosen = study.best, study.chosen
    return {
        "format": FORMAT,
        "method": study.request.method,
        "task": study.request.task,
        "model": study.request.shown_model,
        "objective": study.objective.label,
        "higher_is_better": study.objective.higher,
        "sampler": f"Sobol, then TPE, seed {study.sampler_seed}",
        "checkpoints": study.checkpoints,
        "space": {name: str(place) for name, place in study.space.items()},
        "trials": [asdict(trial) for trial in study.trials],
        "best_so_far": best_so_far(study.trials, study.objective.higher),
        "best": best and best.run_id,
        "finalists": [_finalist(one) for one in study.finalists],
        "settings": chosen and dict(chosen.settings),
        "validation": chosen and chosen.value,
        "evaluation": mean(study.evaluation.values()) if study.evaluation else None,
        "evaluation_by_seed": dict(study.evaluation),
        "edges": [str(edge) for edge in study.edges()],
        "budget": {
            "trials": _budget(study.trials),
            "finalists": _budget(study.final_runs),
            "all": _budget([*study.trials, *study.final_runs]),
        },
    }


def best_so_far(trials: Sequence[Trial], higher: bool) -> list[float | None]:
    """Return by trial the best value up to it; None before the first success."""
    found: list[float | None] = []
    for trial in trials:
        values = [one for one in (*found[-1:], trial.value) if one is not None]
        found.append((max(values) if higher else min(values)) if values else None)
    return found


def _finalist(finalist: Finalist) -> dict[str, Any]:
    runs = [{"seed": seed} | run.outcome() for seed, run in finalist.runs.items()]
    trial = finalist.trial
    return {
        "settings": trial.chosen_settings,
        "trial": trial.run_id,
        "trial_value": trial.value,
    } | {
        "mean": finalist.mean,
        "runs": runs,
    }


def _budget(runs: Sequence[Trial]) -> dict[str, Any]:
    """Return how many trainings there were, and what they took.

    `evaluations` is how many models were measured, `seconds` are of unlearning alone, and
    `run_seconds` of all.
    """
    total = Budget.total(run.training for run in runs)
    counted = {"runs": len(runs), "evaluations": sum(run.evaluations for run in runs)}
    return counted | asdict(total) | {"run_seconds": sum(run.seconds for run in runs)}
