"""Which job is next: none whose target another worker is making, none that is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from unharness.cache import is_locked
from unharness.sweeps.executors.executor import Admission, Job

LOOK_S = 0.3


class JobQueue:
    """Hands out jobs to workers that ask from threads of their own.

    Args:
        jobs: all of them.
        admission: says whether one may be started now.
    """

    def __init__(
        self, jobs: Sequence[Job], admission: Callable[[], Admission] = lambda: "start"
    ) -> None:
        self._left = list(jobs)
        self._admission = admission
        self._changed = threading.Condition()
        self._building: dict[str, Path] = {}
        self._closed = False

    def take(self, engine: str | None) -> Job | None:
        """Return the next job, one of that engine if there is one; None: nothing more is started.

        A target that several jobs need is made by the first of them; the others wait for it,
        and meanwhile those whose target is there go first. What another sweep is at comes last:
        it will be found done.
        """
        with self._changed:
            while self._left and not self._closed:
                admission = self._admission()
                if admission == "end":
                    return None
                job = self._choose(engine) if admission == "start" else None
                if job is not None:
                    self._left.remove(job)
                    if job.target is not None and not job.target.is_dir():
                        self._building[job.run_id] = job.target
                    return job
                self._changed.wait(LOOK_S)
            return None

    def over(self, job: Job) -> None:
        """Hear that a job is done, or failed."""
        with self._changed:
            self._building.pop(job.run_id, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _choose(self, engine: str | None) -> Job | None:
        building = {path for path in self._building.values() if not path.is_dir()}
        ready = [job for job in self._left if job.target not in building]
        ready.sort(key=lambda job: job.engine != engine)  # stable: else in their order
        return next((job for job in ready if not is_locked(job.lock)), ready[0] if ready else None)
