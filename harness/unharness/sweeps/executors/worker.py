"""A worker process of a sweep: `python -m unharness.sweeps.executors.worker R W PARENT`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from unharness.errors import UnharnessError, reason_of
from unharness.pipeline.clock import PrefixedProgress
from unharness.processes.serving import serve
from unharness.progress import Progress, Stage
from unharness.registry import Registry, registry
from unharness.request import RunRequest

if TYPE_CHECKING:
    from unharness.pipeline.run_plan import RunPlan
    from unharness.records.record import RunRecord

TELL_S = 0.2


def run_job(
    request: RunRequest, registry: Registry, progress: Progress, engines: Any
) -> dict[str, Any]:
    """Run one request; return the fields of a `JobResult`, whatever happens.

    Args:
        request: the run.
        registry: knows the plugins.
        progress: told how far it is.
        engines: an `EnginePool`, which may serve further jobs.
    """
    from unharness.pipeline.resolve import resolve
    from unharness.pipeline.run import execute_with

    began = time.monotonic()
    try:
        plan = resolve(request, registry)
        outcome = execute_with(plan, registry, progress, engines)
        _measure_checkpoints(plan, outcome.record, registry, progress, engines)
    except Exception as error:  # a job that fails is a result
        text = str(error) if isinstance(error, UnharnessError) else reason_of(error)
        return {"outcome": "failed", "seconds": time.monotonic() - began, "error": text}
    ranked = outcome.record.metrics.get(plan.task.headline)
    return {
        "outcome": "found" if outcome.existed else "done",
        "seconds": time.monotonic() - began,
        "value": ranked.value if ranked else None,
    }


def _measure_checkpoints(
    plan: RunPlan, record: RunRecord, registry: Registry, progress: Progress, engines: Any
) -> None:
    """Measure the model on the way of its training, while the weights are in the cache.

    One that fails leaves its record, and ends nothing.
    """
    from unharness.pipeline.checkpoint_runs import checkpoint_requests, has_checkpoints
    from unharness.pipeline.resolve import resolve
    from unharness.pipeline.run import execute_with

    if record.training is None or not has_checkpoints(type(plan.method)):
        return
    for steps, request in checkpoint_requests(plan.request, record.training.steps).items():
        shown = PrefixedProgress(progress, f"step {steps}: ")
        with suppress(UnharnessError):
            execute_with(resolve(request, registry), registry, shown, engines)


class Worker:
    """Runs one job after the other, with engines that are kept."""

    def __init__(self, tell: Callable[..., None]) -> None:
        from unharness.pipeline.engine_pool import EnginePool
        from unharness.training.libraries import freeze_libraries

        freeze_libraries(adapters=False)
        self._registry = registry()
        self._engines = EnginePool(self._registry)
        self._progress = _PipeProgress(tell)

    def run(self, *, request: dict[str, Any]) -> dict[str, Any]:
        """Run a request."""
        return run_job(RunRequest(**request), self._registry, self._progress, self._engines)

    def close(self) -> None:
        """End the engines."""
        self._engines.close()


class _PipeProgress(Progress):
    """Tells the process that started this one."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Tell of the stage's steps, now and then."""
        self._tell("step", name, 0, 0)
        yield _PipeStage(name, self._tell)

    def note(self, text: str) -> None:
        """Pass the note on."""
        self._tell("note", text)


class _PipeStage(Stage):
    def __init__(self, name: str, tell: Callable[..., None]) -> None:
        self._name, self._tell, self._told = name, tell, 0.0

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        if time.monotonic() - self._told >= TELL_S:
            self._told = time.monotonic()
            self._tell("step", self._name, done, total)


def _interrupted(*_: Any) -> None:
    """Treat SIGTERM as Ctrl-C: no unfinished record is left."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Serve."""
    signal.signal(signal.SIGTERM, _interrupted)
    serve(Worker)


if __name__ == "__main__":
    main()
