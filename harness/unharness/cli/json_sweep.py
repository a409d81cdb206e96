"""A sweep's progress for programs, as `unharness.cli.json_progress` describes it."""

from __future__ import annotations

import time

from unharness.cli.counted_sweep import CountedSweep
from unharness.cli.json_progress import Tell, write_line
from unharness.sweeps.executors.executor import Job, JobResult


class JsonSweep(CountedSweep):
    """Progress of a sweep as JSON lines, from several threads."""

    def __init__(self, total: int, tell: Tell = write_line) -> None:
        """Take how many runs there will be; 0 if that is unknown."""
        super().__init__(total)
        self._write = tell
        self._stages: dict[str, tuple[str, float]] = {}

    def started(self, job: Job, worker: str) -> None:
        """Write that a worker begins a run."""
        with self._lock:
            self._write("run", run=job.run_id, label=job.label, worker=worker)

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Write how far a worker is."""
        with self._lock:
            now = time.monotonic()
            name, began = self._stages.get(worker, ("", now))
            if name != stage:
                began = now
                self._stages[worker] = stage, now
            at = {"done": done, "total": total or None, "seconds": round(now - began, 3)}
            self._write("step", worker=worker, stage=stage, **at)

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Write what came of a run."""
        with self._lock:
            self._count(result)
            self._stages.pop(worker, None)
            facts = {name: value for name, value in vars(result).items() if name != "run_id"}
            counts = {"done": self._done, "failed": self._failed, "total": self._total}
            run = {"run": job.run_id, "label": job.label, "worker": worker}
            self._write("finished", **run, **facts, **counts)

    def note(self, text: str) -> None:
        """Write a note, once."""
        with self._lock:
            if self._is_new(text):
                self._write("note", text=text)
