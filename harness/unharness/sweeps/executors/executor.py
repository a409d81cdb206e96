"""The base class of executors: what runs the jobs of a sweep and reports their progress."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from unharness import defaults
from unharness.request import RunRequest
from unharness.strict_model import StrictModel

Outcome = Literal["done", "found", "failed"]
Admission = Literal["start", "wait", "end"]
"""Whether a job may be started now, later, or no more in this sweep."""


@dataclass(frozen=True)
class Job:
    """One cell of a grid, as an executor needs it."""

    run_id: str
    label: str
    """What it is called on the screen."""
    request: RunRequest
    device: str
    """`cpu` or a CUDA device."""
    target: Path | None
    """The folder in the cache of the target model that it starts from."""
    lock: Path
    """What is held while it is under way, by whatever process."""
    engine: str
    """Jobs of one base model and engine, which go to one worker where they can."""
    slow_engine: bool = False
    """Whether the engine takes long to start."""
    results: Path = Path(defaults.RESULTS)
    """The folder of records."""
    records: Mapping[str, Path] = field(default_factory=dict)
    """By run id the lock of every record that it leaves: of each prompt, and of the target."""


@dataclass(frozen=True)
class JobResult:
    """What came of a job."""

    run_id: str
    outcome: Outcome
    """`found`: another process had done it meanwhile."""
    seconds: float
    value: float | None = None
    """Of the metric that ranks, where there is one."""
    error: str | None = None

    @classmethod
    def from_answer(cls, run_id: str, answer: Mapping[str, Any]) -> JobResult:
        """Return what a worker answered, with the run id that it was asked for."""
        return cls(run_id, **answer)


class SweepObserver:
    """Receives the progress of a sweep, from several threads. Derive from it to show something."""

    def admission(self) -> Admission:
        """Say whether a job may be started; executors ask before each, and again while they wait.

        What has started always goes on to its end.
        """
        return "start"

    def expect(self, more: int) -> None:
        """Called when the number of expected jobs changes by `more`, which may be negative."""

    def started(self, job: Job, worker: str) -> None:
        """Called when a worker begins a job."""

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Called with the progress of a worker; a total of 0: unknown."""

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Called with the result of a job."""

    def note(self, text: str) -> None:
        """Called with a note for the user."""


class Executor(ABC):
    """Runs jobs. Derive from it and register the class with `unharness_executors`.

    What `run` needs may live on from one call to the next, such as worker processes. The
    sweep calls `close` at its end, after an interruption too; no process may be left then.
    """

    name: ClassVar[str]
    summary: ClassVar[str]

    class Options(StrictModel):
        """The executor's options. Derive from it to add some."""

        workers: int | None = None
        """Jobs at once; None: what the machine has room for."""

    def __init__(self, options: Any = None) -> None:
        self.options: Any = options or self.Options()

    def close(self) -> None:  # noqa: B027 - many have nothing to end
        """End what lives on between calls of `run`. The default does nothing."""

    @abstractmethod
    def run(self, jobs: Sequence[Job], observer: SweepObserver) -> list[JobResult]:
        """Run all jobs and return their results, whatever their order.

        A job that fails is a result, not an exception. Before each job `observer.admission()` is
        asked; a job that is not started has no result.

        Raises:
            UnharnessError: nothing can be carried out at all.
        """
