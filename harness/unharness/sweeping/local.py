"""The `local` executor: worker processes on this machine, one a GPU."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import Field

from unharness.cache import cache_dir
from unharness.errors import ProcessError, UsageError
from unharness.plugins import registry
from unharness.processes.child import Child
from unharness.sweeping.executor import Executor, Job, JobResult, Watcher
from unharness.sweeping.job_queue import JobQueue

PROGRAM = ("-m", "unharness.sweeping.worker")
THREADS_VARIABLE = "OMP_NUM_THREADS"
LEAVE_S = 20.0
"""What workers are given to leave things clean after Ctrl-C."""
LOOK_S = 0.2
MOST_WORKERS = 8
"""On a CPU, where nobody says how many: a small model gains little from a second thread."""


@dataclass
class Seat:
    """A place for one worker process: what it may use, and the process."""

    name: str
    environment: dict[str, str]
    child: Child | None = None
    engine: str | None = None
    """Of the last job: another of the same finds its engine there."""


@dataclass
class _Sitting:
    """One call of `carry_out`."""

    queue: JobQueue
    watcher: Watcher
    results: list[JobResult] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    stopping: bool = False


class Local(Executor):
    """Worker processes on this machine."""

    name = "local"
    summary = "Worker processes on this machine, one a GPU; on a CPU they share its threads."

    class Options(Executor.Options):
        """How many."""

        workers: int | None = Field(None, ge=1, le=256, description="worker processes")

    def __init__(self, options: Options | None = None) -> None:
        super().__init__(options)
        self._seats: list[Seat] = []

    def carry_out(self, jobs: Sequence[Job], watcher: Watcher) -> list[JobResult]:
        """Carry out the jobs, as many at once as there are seats."""
        if not jobs:
            return []
        if not self._seats:
            presets = set(registry().names("models"))
            small = all(job.request.model in presets for job in jobs)
            self._seats = seats(jobs[0].device, self.options.workers, small=small)
        sitting = _Sitting(JobQueue(jobs), watcher)
        used = self._seats[: len(jobs)]
        threads = [
            threading.Thread(target=self._work, args=(seat, sitting), name=seat.name, daemon=True)
            for seat in used
        ]
        with self._interruptible(sitting, threads):
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(LOOK_S)
        if sitting.broken:
            raise sitting.broken[0]
        return sitting.results

    def close(self) -> None:
        """End the worker processes."""
        for seat in self._seats:
            if seat.child:
                seat.child.close()
        self._seats = []

    @contextmanager
    def _interruptible(
        self, sitting: _Sitting, threads: Sequence[threading.Thread]
    ) -> Iterator[None]:
        """On the way out by an exception, let every worker break off and leave things clean."""
        try:
            yield
        except BaseException:
            sitting.stopping = True
            sitting.queue.close()
            for seat in self._seats:
                if seat.child:
                    seat.child.interrupt()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(LEAVE_S)
            raise

    def _work(self, seat: Seat, sitting: _Sitting) -> None:
        try:
            while (job := sitting.queue.take(seat.engine)) is not None:
                sitting.watcher.started(job, seat.name)
                try:
                    result = self._carry_out(seat, job, sitting)
                finally:
                    sitting.queue.over(job)
                if result is None:
                    return
                sitting.results.append(result)
                sitting.watcher.finished(job, seat.name, result)
        except BaseException as error:  # shown by the thread that asked
            sitting.broken.append(error)
            sitting.queue.close()

    def _carry_out(self, seat: Seat, job: Job, sitting: _Sitting) -> JobResult | None:
        """Return what came of the job; None if the sweep is being broken off."""
        seat.engine = job.engine

        def on_progress(kind: str, *parts: str | int) -> None:
            if kind == "step":
                stage, done, total = parts
                sitting.watcher.step(seat.name, str(stage), int(done), int(total))
            elif kind == "note":
                sitting.watcher.note(f"{job.label}: {parts[0]}")

        began = time.monotonic()
        try:
            if seat.child is None or not seat.child.alive:
                seat.child = _start(seat)
            if sitting.stopping:
                seat.child.interrupt()
            request = job.request.model_dump(mode="json", exclude_unset=True)
            answer = seat.child.ask("run", request=request, on_progress=on_progress)
        except ProcessError as error:
            if sitting.stopping:
                return None
            seconds = time.monotonic() - began
            return JobResult(job.run_id, "failed", seconds, error=str(error))
        return JobResult.from_answer(job.run_id, answer)


_numbers = itertools.count(1)


def _start(seat: Seat) -> Child:
    log = cache_dir() / "logs" / f"worker-{os.getpid()}-{next(_numbers)}.log"
    return Child(f"worker {seat.name}", PROGRAM, log, seat.environment)


def seats(device: str, workers: int | None, *, small: bool = True) -> list[Seat]:
    """Return the seats of this machine: one a GPU, or CPU cores shared out.

    What a worker may use is in its environment before it imports anything. Where the user has set
    OMP_NUM_THREADS, each worker keeps that number of threads.

    Args:
        device: `cpu` or a CUDA device.
        workers: how many; None: as many as there is room for.
        small: whether the models are, so that a CPU's memory holds one a core.

    Raises:
        UsageError: there are fewer GPUs than workers asked for.
    """
    cores = len(os.sched_getaffinity(0))
    if device.startswith("cuda"):
        gpus = _gpus(device)
        count = workers or len(gpus)
        if count > len(gpus):
            raise UsageError(
                f"{count} workers want a GPU each, and there are {len(gpus)}: {', '.join(gpus)}"
            )
        threads = _threads(cores // count)
        return [Seat(f"GPU {gpu}", {"CUDA_VISIBLE_DEVICES": gpu} | threads) for gpu in gpus[:count]]
    count = workers or (min(cores, MOST_WORKERS) if small else 1)
    return [Seat(f"CPU {at + 1}", _threads(cores // count)) for at in range(count)]


def _threads(share: int) -> dict[str, str]:
    """Return the environment that gives a worker its share of the cores; the user's own stands."""
    if os.environ.get(THREADS_VARIABLE):
        return {}
    return {THREADS_VARIABLE: str(max(1, share))}


def _gpus(device: str) -> list[str]:
    """Return the GPUs that may be used, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else [str(at) for at in range(torch.cuda.device_count())]
    if ":" in device:
        return [names[int(device.partition(":")[2])]]
    return names
