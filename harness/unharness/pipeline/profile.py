"""`unharness run --profile`: where a run spends its time, by stage and by operator of torch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from unharness.errors import RecordError
from unharness.pipeline.clock import TimedProgress
from unharness.progress import Progress, Stage
from unharness.training.profiling import Profile, profiled

FOLDER = "profile"
"""Beside a run's record; no part of the record, nor of the run's identity."""


@dataclass(frozen=True)
class RunProfile:
    """Where a run spent its time."""

    trainings: Profile
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds by stage."""

    def dearest_stages(self, count: int) -> list[tuple[str, float]]:
        """Return the stages that took longest, and their seconds."""
        return sorted(self.stages.items(), key=lambda item: -item[1])[:count]

    def dearest_operators(self, count: int) -> list[tuple[str, float, int]]:
        """Return the operators that took longest by themselves, their seconds and calls."""
        seconds = self.trainings.operator_seconds()
        ordered = sorted(seconds.items(), key=lambda item: -item[1])[:count]
        return [(name, took, self.trainings.operators[name].calls) for name, took in ordered]

    def move_to(self, folder: Path) -> list[Path]:
        """Move the traces to a run's folder, in place of older ones; return where they are.

        Raises:
            RecordError: they cannot be written.
        """
        target = folder / FOLDER
        try:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            return [Path(shutil.move(path, target / path.name)) for path in self.trainings.traces]
        except OSError as error:
            raise RecordError(f"{target}: the profile cannot be written ({error})") from error


@contextmanager
def profiled_run(progress: Progress) -> Iterator[tuple[Progress, RunProfile]]:
    """Profile a run while the block lasts; yield the progress to run it with, and the profile.

    Traces lie in a scratch folder, which goes with the block: `move_to` keeps them.
    """
    with tempfile.TemporaryDirectory(prefix="unharness-") as scratch:
        found = RunProfile(Profile(Path(scratch)))
        with profiled(found.trainings):
            yield _NamingProgress(progress, found), found


class _NamingProgress(TimedProgress):
    """Keeps each stage's seconds, and tells the profile which stage is under way."""

    def __init__(self, inner: Progress, found: RunProfile) -> None:
        super().__init__(inner, found.stages)
        self._trainings = found.trainings

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time the stage; what it trains bears its name."""
        before, self._trainings.stage = self._trainings.stage, name
        try:
            with super().stage(name) as stage:
                yield stage
        finally:
            self._trainings.stage = before
