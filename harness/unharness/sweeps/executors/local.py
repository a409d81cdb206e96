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
from unharness.processes.child import Child
from unharness.registry import registry
from unharness.sweeps.executors.executor import Executor, Job, JobResult, SweepObserver
from unharness.sweeps.executors.job_queue import JobQueue

PROGRAM = ("-m", "unharness.sweeps.executors.worker")
THREADS_VARIABLE = "OMP_NUM_THREADS"
LEAVE_S = 20.0
"""What workers are given to leave things clean after Ctrl-C."""
LOOK_S = 0.2
MOST_WORKERS = 8
"""The default on a CPU: a small model gains little from a second thread."""


@dataclass
class WorkerSlot:
    """A place for one worker process: what it may use, and the process."""

    name: str
    environment: dict[str, str]
    child: Child | None = None
    engine: str | None = None
    """Of the last job: another of the same finds its engine there."""


@dataclass
class _JobBatch:
    """One call of `run`."""

    queue: JobQueue
    observer: SweepObserver
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
        self._slots: list[WorkerSlot] = []

    def run(self, jobs: Sequence[Job], observer: SweepObserver) -> list[JobResult]:
        """Run the jobs, as many at once as there are slots."""
        if not jobs:
            return []
        if not self._slots:
            presets = set(registry().names("models"))
            small = all(job.request.model in presets for job in jobs)
            self._slots = slots(jobs[0].device, self.options.workers, small=small)
        batch = _JobBatch(JobQueue(jobs, observer.admission), observer)
        used = self._slots[: len(jobs)]
        threads = [
            threading.Thread(target=self._work, args=(slot, batch), name=slot.name, daemon=True)
            for slot in used
        ]
        with self._interruptible(batch, threads):
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(LOOK_S)
        if batch.broken:
            raise batch.broken[0]
        return batch.results

    def close(self) -> None:
        """End the worker processes."""
        for slot in self._slots:
            if slot.child:
                slot.child.close()
        self._slots = []

    @contextmanager
    def _interruptible(
        self, batch: _JobBatch, threads: Sequence[threading.Thread]
    ) -> Iterator[None]:
        """On the way out by an exception, let every worker break off and leave things clean."""
        try:
            yield
        except BaseException:
            batch.stopping = True
            batch.queue.close()
            for slot in self._slots:
                if slot.child:
                    slot.child.interrupt()
            for thread in threads:
                if thread.ident is not None:
                    thread.join(LEAVE_S)
            raise

    def _work(self, slot: WorkerSlot, batch: _JobBatch) -> None:
        try:
            while (job := batch.queue.take(slot.engine)) is not None:
                batch.observer.started(job, slot.name)
                try:
                    result = self._run_job(slot, job, batch)
                finally:
                    batch.queue.over(job)
                if result is None:
                    return
                batch.results.append(result)
                batch.observer.finished(job, slot.name, result)
        except BaseException as error:  # shown by the thread that asked
            batch.broken.append(error)
            batch.queue.close()

    def _run_job(self, slot: WorkerSlot, job: Job, batch: _JobBatch) -> JobResult | None:
        """Return what came of the job; None if the sweep is being broken off."""
        slot.engine = job.engine

        def on_progress(kind: str, *parts: str | int) -> None:
            if kind == "step":
                stage, done, total = parts
                batch.observer.step(slot.name, str(stage), int(done), int(total))
            elif kind == "note":
                batch.observer.note(f"{job.label}: {parts[0]}")

        began = time.monotonic()
        try:
            if slot.child is None or not slot.child.alive:
                slot.child = _start(slot)
            if batch.stopping:
                slot.child.interrupt()
            request = job.request.model_dump(mode="json", exclude_unset=True)
            answer = slot.child.ask("run", request=request, on_progress=on_progress)
        except ProcessError as error:
            if batch.stopping:
                return None
            seconds = time.monotonic() - began
            return JobResult(job.run_id, "failed", seconds, error=str(error))
        return JobResult.from_answer(job.run_id, answer)


_numbers = itertools.count(1)


def _start(slot: WorkerSlot) -> Child:
    log = cache_dir() / "logs" / f"worker-{os.getpid()}-{next(_numbers)}.log"
    return Child(f"worker {slot.name}", PROGRAM, log, slot.environment)


def slots(device: str, workers: int | None, *, small: bool = True) -> list[WorkerSlot]:
    """Return the slots of this machine: one a GPU, or CPU cores shared out.

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
        return [
            WorkerSlot(f"GPU {gpu}", {"CUDA_VISIBLE_DEVICES": gpu} | threads)
            for gpu in gpus[:count]
        ]
    count = workers or (min(cores, MOST_WORKERS) if small else 1)
    return [WorkerSlot(f"CPU {at + 1}", _threads(cores // count)) for at in range(count)]


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
