"""The search for one method's hyperparameters: what is tried next, and what came of each trial.

Optuna keeps the trials, on disk as a journal of one JSON object a line (no pickle). No trial has
the defaults for being defaults: some methods' are tuned and others' are not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unharness.cache import locked
from unharness.errors import RecordError, reason_of
from unharness.pipeline.checkpoint_runs import has_checkpoints
from unharness.request import RunRequest
from unharness.sweeps.objective import Objective
from unharness.sweeps.spaces import Edge, edges
from unharness.sweeps.trial import SETTINGS, Finalist, Finals, Trial
from unharness.unlearning.method import Method
from unharness.unlearning.search import Choice, Place

MAX_FAILURES = 5
"""Failed trials in a row after which a study ends."""
DIGITS = 3
"""Significant digits of a suggested number: enough to find the place, short enough to read."""
FORMAT, FORMAT_KEY = 3, "format"
"""Which ranges, sampler and journal; raised whenever studies of the old one cannot be continued."""
OUTCOME, RETRIES = "outcome", "retries"
"""Attributes of Optuna's trials: what was tried, what came of it, and the failed one it repeats."""
FINAL_RUNS = "final_runs"
"""The attribute of Optuna's study that holds what came of the finalists."""


@dataclass(frozen=True)
class Chosen:
    """The settings that a study ends with."""

    settings: Mapping[str, Any]
    value: float | None
    """On the validation part: the mean over the seeds of a finalist, or the best trial's."""
    confirmed: bool
    """Whether it is a finalist's, of seeds that no trial had."""


@dataclass
class Study:
    """The search for one method's hyperparameters on one task and model.

    It is in memory until it is `kept`.
    """

    request: RunRequest
    space: Mapping[str, Place]
    method: type[Method]
    """Its class."""
    defaults: Mapping[str, Any]
    """Every hyperparameter's default on this model."""
    objective: Objective
    seed: int
    """The user's; every study has one of its own, which is derived from it."""
    finals: Finals = field(default_factory=Finals)
    file: Path | None = None
    """Where its findings are written; its journal lies beside it."""
    asked_checkpoints: int | None = None
    """At how many points of its training the user wants each trial measured; None: at the end."""
    evaluation: dict[str, float] = field(default_factory=dict)
    """By seed: the objective on the evaluated splits, with the settings that were chosen."""
    _study: Any = field(init=False, repr=False)
    """Optuna's."""

    def __post_init__(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._open(optuna.storages.InMemoryStorage())

    @contextmanager
    def kept(
        self, journal: Path, on_wait: Callable[[str], None] = lambda text: None
    ) -> Iterator[None]:
        """Go on from a journal, and write to it; no other process does while the block lasts.

        The trial that was interrupted comes first, then those that failed: each is tried again,
        and its new outcome takes the place of the old one.

        Args:
            journal: a file of JSON lines; made where there is none.
            on_wait: told, in words, if another process holds the study.

        Raises:
            RecordError: the journal cannot be read.
        """
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        # Optuna locks each write; this holds the study. Its own lock is `<journal>.lock`.
        with locked(journal.with_name(f".{journal.name}.lock"), on_wait):
            try:
                _cut_torn_line(journal)
                self._open(JournalStorage(JournalFileBackend(str(journal))))
            except Exception as error:  # a damaged journal breaks Optuna anywhere
                raise RecordError(
                    f"{journal}: the study's journal cannot be read ({reason_of(error)}); "
                    "remove it to begin the study again"
                ) from error
            self._retry_failures()
            yield

    @property
    def trials(self) -> list[Trial]:
        """The finished trials in their order; of one that was tried again, the last outcome."""
        return [
            Trial.of(trial.user_attrs[SETTINGS], trial.user_attrs[OUTCOME])
            for trial in self._finished()
        ]

    @property
    def seconds(self) -> float:
        """What the trials took."""
        return sum(trial.seconds for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The best trial, the earliest of equal ones; None if none has a value."""
        return next(iter(self._best_first()), None)

    @property
    def finalists(self) -> list[Finalist]:
        """The best settings, each once and best first, with what came of their runs so far."""
        distinct: dict[str, Trial] = {}
        for trial in self._best_first():
            distinct.setdefault(_key(trial.chosen_settings), trial)
        return [
            Finalist(trial, self._final_runs().get(key, {}))
            for key, trial in list(distinct.items())[: self.finals.count]
        ]

    @property
    def final_runs(self) -> list[Trial]:
        """All runs of finalists, those of settings included that no longer are."""
        return [run for runs in self._final_runs().values() for run in runs.values()]

    @property
    def chosen(self) -> Chosen | None:
        """The finalist with the best mean; where none has one the best trial, or None."""
        sign = self._sign
        means = [(sign * one.mean, one) for one in self.finalists if one.mean is not None]
        if means:
            _, winner = min(means, key=lambda found: found[0])
            return Chosen(winner.trial.chosen_settings, winner.mean, confirmed=True)
        if self.best is None:
            return None
        return Chosen(self.best.chosen_settings, self.best.value, confirmed=False)

    @property
    def failures(self) -> int:
        """How many of the last trials failed in a row."""
        values = [trial.value for trial in self.trials]
        return next(
            (at for at, value in enumerate(reversed(values)) if value is not None), len(values)
        )

    @property
    def gave_up(self) -> bool:
        """Whether so many trials failed in a row that no further one is worth its time."""
        return self.failures >= MAX_FAILURES

    @property
    def combinations(self) -> int | None:
        """How many different trials there can be; None where some hyperparameter has a range."""
        from unharness.sweeps.sampling import combinations

        return combinations(self.space)

    @property
    def sampler_seed(self) -> int:
        """The seed of the sampler: of this method, task and model alone."""
        from unharness.sweeps.sampling import study_seed

        request = self.request
        return study_seed(request.method, request.task, request.shown_model, self.seed)

    @property
    def checkpoints(self) -> int | None:
        """At how many points a trial is measured; None: at the end, as of what is no loss."""
        return self.asked_checkpoints if has_checkpoints(self.method) else None

    @property
    def label(self) -> str:
        """The method, task and model."""
        return f"{self.request.method} on {self.request.task}, {self.request.shown_model}"

    def edges(self) -> list[Edge]:
        """Return which of the chosen hyperparameters lie at an edge of their ranges."""
        chosen = self.chosen
        return edges(self.method, self.space, chosen.settings) if chosen else []

    def ask(self) -> tuple[Any, dict[str, Any]]:
        """Return Optuna's trial, and the hyperparameters that it suggests."""
        trial = self._next()
        settings = {name: self._suggest(trial, name) for name in self.space}
        trial.set_user_attr(SETTINGS, settings)
        return trial, settings

    def tell(self, trial: Any, outcome: Trial) -> None:
        """Take the outcome of a trial."""
        from optuna.trial import TrialState

        trial.set_user_attr(OUTCOME, outcome.outcome())
        if outcome.value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, outcome.value)

    def tell_final(self, seed: int, run: Trial) -> None:
        """Take the outcome of a finalist's run; one with the same seed is replaced."""
        runs: dict[str, Any] = self._study.user_attrs.get(FINAL_RUNS, {})
        own = runs.setdefault(_key(run.settings), {"settings": dict(run.settings), "runs": {}})
        own["runs"][str(seed)] = run.outcome()
        self._study.set_user_attr(FINAL_RUNS, runs)

    @property
    def _sign(self) -> int:
        """What makes less better."""
        return -1 if self.objective.higher else 1

    def _best_first(self) -> list[Trial]:
        sign = self._sign
        known = [(trial.value, trial) for trial in self.trials if trial.value is not None]
        return [trial for _, trial in sorted(known, key=lambda one: sign * one[0])]

    def _final_runs(self) -> dict[str, dict[int, Trial]]:
        """Return the runs of finalists by settings and seed."""
        runs = self._study.user_attrs.get(FINAL_RUNS, {})
        return {
            key: {int(seed): Trial.of(own["settings"], run) for seed, run in own["runs"].items()}
            for key, own in runs.items()
        }

    def _open(self, storage: Any) -> None:
        import optuna

        self._study = optuna.create_study(
            storage=storage,
            study_name="study",
            direction="maximize" if self.objective.higher else "minimize",
            load_if_exists=True,
        )
        known = self._study.user_attrs.get(FORMAT_KEY)
        if known is None and not self._study.get_trials(deepcopy=False):
            self._study.set_user_attr(FORMAT_KEY, FORMAT)
        elif known != FORMAT:
            raise ValueError("its trials were suggested in another way")

    def _next(self) -> Any:
        """Return the trial that was begun and not finished, else a new one."""
        import optuna

        from unharness.sweeps.sampling import sampler

        waiting, running = optuna.trial.TrialState.WAITING, optuna.trial.TrialState.RUNNING
        asked = [one for one in self._study.get_trials(deepcopy=False) if one.state != waiting]
        begun = next((trial for trial in asked if trial.state == running), None)
        # What is tried again takes no new place in the sequence.
        before = [one for one in asked if one is not begun and RETRIES not in one.user_attrs]
        self._study.sampler = sampler(self.sampler_seed, len(before), self.space)
        return optuna.trial.Trial(self._study, begun._trial_id) if begun else self._study.ask()

    def _finished(self) -> list[Any]:
        """Return Optuna's finished trials; one that is tried again counts by its last attempt."""
        found: dict[int, Any] = {}
        for trial in self._study.get_trials(deepcopy=False):
            found[trial.user_attrs.get(RETRIES, trial.number)] = trial
        return [trial for trial in found.values() if trial.state.is_finished()]

    def _retry_failures(self) -> None:
        for trial in self._finished():
            if trial.values is None:
                first = trial.user_attrs.get(RETRIES, trial.number)
                self._study.enqueue_trial(trial.params, user_attrs={RETRIES: first})

    def _suggest(self, trial: Any, name: str) -> Any:
        place = self.space[name]
        if isinstance(place, Choice):
            return trial.suggest_categorical(name, place.values)
        if isinstance(self.defaults[name], int):
            low, high = max(1, round(place.low)), max(1, round(place.high))
            return trial.suggest_int(name, low, high, log=place.log)
        found = trial.suggest_float(name, place.low, place.high, log=place.log)
        return float(f"{found:.{DIGITS}g}")


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), sort_keys=True)


def _cut_torn_line(journal: Path) -> None:
    """Remove what a killed process left of a line; Optuna would write the next one behind it."""
    if not journal.is_file():
        return
    content = journal.read_bytes()
    if not content.endswith(b"\n"):
        os.truncate(journal, content.rfind(b"\n") + 1)
