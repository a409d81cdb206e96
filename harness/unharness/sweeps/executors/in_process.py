"""The `in-process` executor: one run after the other, in the process that asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from unharness.progress import Progress, Stage
from unharness.registry import registry
from unharness.sweeps.executors.executor import Executor, Job, JobResult, SweepObserver
from unharness.sweeps.executors.job_queue import JobQueue


class InProcess(Executor):
    """One run after the other in this process, which has imported everything already."""

    name = "in-process"
    summary = "One run after the other in this process: for notebooks, debuggers, small models."

    def run(self, jobs: Sequence[Job], observer: SweepObserver) -> list[JobResult]:
        """Run the jobs."""
        from unharness.pipeline.engine_pool import EnginePool
        from unharness.sweeps.executors.worker import run_job

        found = registry()
        progress = _ToObserver(observer, self.name)
        results = []
        with closing(EnginePool(found)) as engines:
            queue = JobQueue(jobs, observer.admission)
            while (job := queue.take(None)) is not None:
                observer.started(job, self.name)
                progress.label = job.label
                answer = run_job(job.request, found, progress, engines)
                queue.over(job)
                results.append(JobResult.from_answer(job.run_id, answer))
                observer.finished(job, self.name, results[-1])
        return results


class _ToObserver(Progress):
    """Tells a sweep's observer what a run reports."""

    def __init__(self, observer: SweepObserver, worker: str) -> None:
        self._observer, self._worker = observer, worker
        self.label = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Tell of the stage and of its steps."""
        self._observer.step(self._worker, name, 0, 0)
        yield _StageToObserver(self._observer, self._worker, name)

    def note(self, text: str) -> None:
        """Pass the note on, with what the run is called."""
        self._observer.note(f"{self.label}: {text}")


class _StageToObserver(Stage):
    def __init__(self, observer: SweepObserver, worker: str, name: str) -> None:
        self._observer, self._worker, self._name = observer, worker, name

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        self._observer.step(self._worker, self._name, done, total)
