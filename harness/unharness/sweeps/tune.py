"""Tuning at equal effort: the same number of trials, or the same time, for every method.

A trial is a run that is judged on validation splits, held out from the splits that methods may
read; the evaluated splits take no part in it, nor does a target model that was trained on them.
Reference rows of the same part are made first, where the objective needs some.
A trial may be measured along its training, and then also chooses the number of steps.
The best settings of every method are then run again with new seeds, and the best mean is chosen.
The trials' records lie under `<results>/tuning`, where no leaderboard looks, and with them each
study's journal, from which the same command continues after an interruption. A study ends early
when several trials in a row fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from unharness.registry import Registry
from unharness.sweeps.checkpoints import run_trials
from unharness.sweeps.executors.executor import Executor, SweepObserver
from unharness.sweeps.reference_runs import run_references, validation_references
from unharness.sweeps.studies import give_places
from unharness.sweeps.study import Study
from unharness.sweeps.study_file import save
from unharness.sweeps.validation_runs import (
    later_seeds,
    run_all,
    validation_request,
)


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


def run_count(studies: Sequence[Study], effort: Effort, registry: Registry) -> int:
    """Return how many runs on the validation part there will be; 0 if that is unknown."""
    if effort.trials is None:
        return 0
    own = sum(trial_count(study, effort) + study.finals.runs for study in studies)
    tuned = [(study.request, study.objective) for study in studies]
    return own + len(validation_references(tuned, registry))


def trial_count(study: Study, effort: Effort) -> int:
    """Return how many trials a study will have; 0 if that is unknown."""
    trials = effort.trials or 0
    return trials if study.combinations is None else min(trials, study.combinations)


def tune(
    studies: Sequence[Study],
    effort: Effort,
    executor: Executor,
    registry: Registry,
    observer: SweepObserver,
) -> None:
    """Give every study its share of trials, one of each at a time, then run the finalists.

    Reference rows of the validation part are made first, where an objective needs some. Studies
    continue from their journals; what these hold counts.

    Raises:
        UsageError: two studies are the same, under other names of one model.
        RecordError: a journal cannot be read.
        MethodError: a reference row fails, or nothing can be measured by them.
    """
    give_places(studies, registry, observer)
    places = sorted((study.file, study) for study in studies if study.file)
    with ExitStack() as stack:
        for file, study in places:  # in one order: two processes never deadlock
            stack.enter_context(study.kept(file.with_suffix(".journal"), observer.note))
        for study in studies:
            observer.expect(-min(len(study.trials), trial_count(study, effort)))
        tuned = [(study.request, study.objective) for study in studies]
        run_references(tuned, executor, registry, observer)
        _run_trials(studies, effort, executor, registry, observer)
        _run_finalists(studies, executor, registry, observer)


def _run_trials(
    studies: Sequence[Study],
    effort: Effort,
    executor: Executor,
    registry: Registry,
    observer: SweepObserver,
) -> None:
    def wants_more(study: Study) -> bool:
        tried = len(study.trials)
        if study.gave_up or (study.combinations is not None and tried >= study.combinations):
            return False
        return not effort.is_over(tried, study.seconds)

    while open_studies := [study for study in studies if wants_more(study)]:
        asked = [(study, *study.ask()) for study in open_studies]
        tried = [
            (
                validation_request(study.request, settings, study.request.seed, study.checkpoints),
                settings,
                study.objective,
            )
            for study, _, settings in asked
        ]
        outcomes = run_trials(tried, executor, registry, observer)
        for (study, trial, _), outcome in zip(asked, outcomes, strict=True):
            study.tell(trial, outcome)
            save(study)
            if study.gave_up:
                observer.expect(min(0, len(study.trials) - trial_count(study, effort)))
                observer.note(
                    f"{study.label}: tuning ends after {len(study.trials)} trials, as the "
                    f"last {study.failures} failed: {study.trials[-1].error}"
                )


def _run_finalists(
    studies: Sequence[Study], executor: Executor, registry: Registry, observer: SweepObserver
) -> None:
    """Run the best settings of every study with further seeds; what failed is tried again."""
    wanted = [
        (study, seed, finalist.trial.chosen_settings)
        for study in studies
        for finalist in study.finalists
        for seed in later_seeds(study.request, study.finals.seeds)
    ]
    observer.expect(len(wanted) - sum(study.finals.runs for study in studies))
    if wanted:
        tried = [
            (validation_request(study.request, settings, seed), settings, study.objective)
            for study, seed, settings in wanted
        ]
        outcomes = run_all(tried, executor, registry, observer)
        for (study, seed, _), outcome in zip(wanted, outcomes, strict=True):
            study.tell_final(seed, outcome)
    for study in studies:
        save(study)
