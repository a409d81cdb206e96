"""What every display of a sweep counts: runs that are expected, done and failed, and notes."""

from __future__ import annotations

import threading

from unharness.sweeps.executors.executor import JobResult, SweepObserver


class CountedSweep(SweepObserver):
    """Counts runs; told from several threads."""

    def __init__(self, total: int) -> None:
        """Take how many runs there will be; 0 if that is unknown."""
        self._total = total or None
        self._done = self._failed = 0
        self._noted: set[str] = set()
        self._lock = threading.Lock()

    def expect(self, more: int) -> None:
        """Change the number of runs that are expected."""
        with self._lock:
            if self._total is not None:
                self._total += more

    def _count(self, result: JobResult) -> None:
        """Count a run that is over; the lock is held."""
        failed = result.outcome == "failed"
        self._failed, self._done = self._failed + failed, self._done + (not failed)

    def _is_new(self, note: str) -> bool:
        """Return whether a note is told for the first time; the lock is held."""
        known = note in self._noted
        self._noted.add(note)
        return not known
