"""What a logger is: it sends the numbers of one run to an experiment tracker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from unharness.errors import UsageError

if TYPE_CHECKING:
    from unharness.records.spec import RunSpec

Setting = str | int | float | bool
Ending = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True)
class LoggedRun:
    """What a logger is told of a run before anything is trained."""

    run_id: str
    """16 hexadecimal digits; several evaluations of one model share it."""
    title: str
    """Method, seed, the beginning of the run id, and the attack where there is one."""
    group: str
    """Task and model, as `TASK/MODEL`."""
    settings: Mapping[str, Setting]
    """Hyperparameters by name, and with them `method`, `task`, `model`, `seed` and the like."""
    spec: RunSpec
    """All else."""


class Logger(ABC):
    """Logs one run. Derive from it and register the class with `unharness_loggers`.

    An object is made for every run, the reference row that a run leaves on its way included, so
    that several may be open at once. A method that raises ends the log of its run alone: the user
    is told, the run goes on, and its record says nothing of it. What is printed on stdout is
    dropped. The library is imported in `start`, not before.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    library: ClassVar[str] = ""
    """The module that must be there; empty for none."""
    install: ClassVar[str] = ""
    """What pip is given where it is missing, such as `unharness[tensorboard]`."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for files of this logger, `<results>/logs/<name>`; it may not exist."""
        self.folder = folder

    @classmethod
    def check(cls) -> None:
        """Refuse to log where that cannot work. The default looks for the library.

        Raises:
            UsageError: it is missing; says what to install.
        """
        if cls.library and find_spec(cls.library) is None:
            raise UsageError(f"--log {cls.name} needs {cls.library}: pip install '{cls.install}'")

    @classmethod
    def place(cls, folder: Path) -> str:
        """Return in words where the logs go and how to see them; empty to say nothing."""
        return ""

    @abstractmethod
    def start(self, run: LoggedRun) -> None:
        """Begin the log of a run."""

    @abstractmethod
    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step of the unlearning.

        Args:
            step: from 1.
            values: `train/loss`, `train/lr` and `train/grad_norm`; the loss alone where the
                weights came from the cache.
        """

    @abstractmethod
    def finish(self, metrics: Mapping[str, float], ending: Ending) -> None:
        """Log the final numbers and end the log.

        Args:
            metrics: `metrics/LABEL` with `metrics/LABEL/low` and `/high`, the ends of its 95%
                interval, and `cost/NAME`; none where the run did not end well.
            ending: how it ended.
        """
