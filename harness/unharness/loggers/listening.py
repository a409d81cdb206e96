"""Loggers at work: they hear of runs through the hooks that any plugin may listen to.

A logger that fails costs its log alone: the user is told, and the run and its record stay as they
would be without it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from unharness.errors import reason_of
from unharness.hookspecs import hookimpl
from unharness.loggers.logger import Ending, Logger
from unharness.loggers.numbers import final_values, logged_run, step_values
from unharness.records.record import RunRecord
from unharness.records.spec import RunSpec
from unharness.registry import Registry

FOLDER = "logs"
"""In the folder of records."""
OnNote = Callable[[str], None]


@dataclass
class _Open:
    """The log of a run that is under way."""

    logger: Logger
    steps: int = 0


class RunListener:
    """Opens a log for every run, and passes on to it what happens in the run."""

    def __init__(self, kind: type[Logger], folder: Path, on_note: OnNote) -> None:
        """Take the kind of logger, its folder, and what is told at once where it fails."""
        self._kind, self._folder, self._on_note = kind, folder, on_note
        self._logs: dict[str, _Open] = {}

    @hookimpl
    def unharness_run_started(self, spec: RunSpec) -> None:
        """Open the log."""
        with self._guarded(spec.run_id()):
            logger = self._kind(self._folder)
            logger.start(logged_run(spec))
            self._logs[spec.run_id()] = _Open(logger)

    @hookimpl
    def unharness_step(self, run_id: str, step: int, values: dict[str, float]) -> None:
        """Log a step."""
        if log := self._logs.get(run_id):
            log.steps += 1
            with self._guarded(run_id):
                log.logger.step(step, step_values(values))

    @hookimpl
    def unharness_run_finished(self, record: RunRecord) -> None:
        """Log the final numbers; and the losses, where the weights were made by an earlier run."""
        log = self._logs.pop(record.run_id, None)
        if log is None:
            return
        with self._guarded(record.run_id):
            if not log.steps and record.training:
                for step, loss in enumerate(record.training.losses, start=1):
                    log.logger.step(step, step_values({"loss": loss}))
            ending: Ending = "done" if record.status == "done" else "failed"
            log.logger.finish(final_values(record) if ending == "done" else {}, ending)

    def close(self) -> None:
        """End the logs of runs that were broken off."""
        while self._logs:
            run_id, log = self._logs.popitem()
            with self._guarded(run_id):
                log.logger.finish({}, "interrupted")

    @contextmanager
    def _guarded(self, run_id: str) -> Iterator[None]:
        """Tell of a failure, and log no more of that run; keep what libraries print off stdout."""
        try:
            with redirect_stdout(io.StringIO()):
                yield
        except Exception as error:
            self._logs.pop(run_id, None)
            self._on_note(f"--log {self._kind.name}: nothing more is logged: {reason_of(error)}")


@contextmanager
def logging_runs(
    kinds: Sequence[type[Logger]], results: Path | str, registry: Registry, on_note: OnNote
) -> Iterator[None]:
    """Log every run of this process while the block lasts.

    Args:
        kinds: the loggers.
        results: the folder of records; files of logs lie in its folder `logs`.
        registry: whose listeners they become.
        on_note: told where a logger fails.
    """
    listeners = {
        f"log {kind.name}": RunListener(kind, log_folder(results, kind), on_note) for kind in kinds
    }
    for name, listener in listeners.items():
        registry.manager.register(listener, name=name)
    try:
        yield
    finally:
        for name, listener in listeners.items():
            registry.manager.unregister(name=name)
            listener.close()


def log_folder(results: Path | str, kind: type[Logger]) -> Path:
    """Return the folder for the files of a logger."""
    return Path(results) / FOLDER / kind.name


def find_loggers(names: Sequence[str], registry: Registry) -> tuple[type[Logger], ...]:
    """Return the loggers of these names, each once.

    Raises:
        UnknownNameError: nothing is registered under a name.
        UsageError: its library is missing.
        PluginError: it cannot be loaded.
    """
    found: list[type[Logger]] = [registry.get("loggers", name) for name in dict.fromkeys(names)]
    for kind in found:
        kind.check()
    return tuple(found)
