"""What came of hyperparameters that were tried, and what training on them took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from unharness.pipeline.checkpoint_runs import STOP_AFTER
from unharness.records.record import RunRecord

SETTINGS = "settings"
TARGET_STAGES = ("train target", "load target")
"""How the stages begin that are shared with other runs, and are not counted as effort."""
METHOD_STAGE = "unlearn"
"""How the stage begins in which the method works; a run with weights from the cache has none."""


@dataclass(frozen=True)
class Budget:
    """What unlearning took: the training of target and reference models is not in it."""

    steps: int = 0
    """Optimizer steps."""
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Wall-clock seconds of the unlearning alone."""

    @classmethod
    def of(cls, record: RunRecord) -> Budget:
        """Return what a run took, as far as it got."""
        done = record.training
        if done is None:
            return cls()
        return cls(done.steps, done.examples, done.tokens, record.cost.train_seconds or 0.0)

    @classmethod
    def beyond_cache(cls, record: RunRecord) -> Budget:
        """Return what a run took; nothing where its weights were there already."""
        worked = any(name.startswith(METHOD_STAGE) for name in record.cost.stages)
        return cls.of(record) if worked else cls()

    @classmethod
    def total(cls, parts: Iterable[Budget]) -> Budget:
        """Return the sum."""
        found = list(parts)
        return cls(*(sum(getattr(one, field.name) for one in found) for field in fields(cls)))


@dataclass(frozen=True)
class Checkpoint:
    """A trial's model on the way of its training, or at its end."""

    steps: int
    run_id: str
    value: float | None
    """Of the objective."""
    error: str | None = None


@dataclass(frozen=True)
class Trial:
    """Hyperparameters that were tried in one training."""

    settings: Mapping[str, Any]
    run_id: str
    """The run that has the value."""
    value: float | None
    """Of the objective, at the best checkpoint; None if the run failed, or gave none."""
    seconds: float
    """Wall-clock seconds of the whole run with all that was measured, without the training of a
    target model."""
    error: str | None = None
    """Why there is no value."""
    training: Budget = Budget()
    stop_after: int | None = None
    """The optimizer steps at which the value was reached; None: at the end."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """All of them, the last step's included; none where only the end was measured."""

    @property
    def chosen_settings(self) -> dict[str, Any]:
        """The settings that make the model with the value: the stop included."""
        stop = {} if self.stop_after is None else {STOP_AFTER: self.stop_after}
        return {**self.settings, **stop}

    @property
    def evaluations(self) -> int:
        """How many models were measured."""
        return len(self.checkpoints) or 1

    def outcome(self) -> dict[str, Any]:
        """Return all but the settings as JSON values."""
        return {name: value for name, value in asdict(self).items() if name != SETTINGS}

    @classmethod
    def of(cls, settings: Mapping[str, Any], outcome: Mapping[str, Any]) -> Trial:
        """Return the trial of an `outcome`."""
        found = dict(outcome)
        found["training"] = Budget(**outcome["training"])
        found["checkpoints"] = tuple(Checkpoint(**one) for one in outcome.get("checkpoints", ()))
        return cls(settings, **found)


@dataclass(frozen=True)
class Finalist:
    """One of a study's best settings, run again with seeds that no trial had."""

    trial: Trial
    runs: Mapping[int, Trial]
    """By seed, as far as they were run."""

    @property
    def mean(self) -> float | None:
        """The mean over the seeds; None before all were run, or where one failed."""
        values = [run.value for run in self.runs.values() if run.value is not None]
        return sum(values) / len(values) if values and len(values) == len(self.runs) else None


@dataclass(frozen=True)
class Finals:
    """How many of a study's best settings are run again, and with how many seeds each.

    Both are the same for all methods.
    """

    count: int = 3
    seeds: int = 2

    @property
    def runs(self) -> int:
        """Runs for each method."""
        return self.count * self.seeds
