"""A sweep's progress as one tqdm bar, for Python code."""

from __future__ import annotations

import sys
import threading
import time

from unharness.progress_bars import REDRAW_S, LibraryBars, tqdm_class
from unharness.safe_text import one_line
from unharness.sweeps.executors.executor import Job, JobResult, SweepObserver


class SweepBar(SweepObserver):
    """One bar over all runs, with what was heard last; failures and notes stand above it."""

    def __init__(self, total: int) -> None:
        """Take how many runs there will be; 0 if that is unknown."""
        self._tqdm = tqdm_class()
        self._bar = self._tqdm(desc="runs", total=total or None, disable=False)
        self._labels: dict[str, str] = {}
        self._noted: set[str] = set()
        self._lock = threading.Lock()
        self._others = LibraryBars()  # of runs in this process
        self._drawn = 0.0

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
        self._others.restore()

    def expect(self, more: int) -> None:
        """Change the length of the bar."""
        with self._lock:
            if self._bar.total is not None:
                self._bar.total += more
                self._bar.refresh()

    def started(self, job: Job, worker: str) -> None:
        """Show the run."""
        with self._lock:
            self._labels[worker] = job.label
            self._show(job.label)

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Show how far a worker is."""
        with self._lock:
            count = f" {done}/{total}" if total else ""
            self._show(f"{self._labels.get(worker, worker)}, {stage}{count}")

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Count the run."""
        with self._lock:
            if result.outcome == "failed":
                self._write(f"failed: {job.label}: {result.error}")
            self._bar.update(1)

    def note(self, text: str) -> None:
        """Print a note, once."""
        with self._lock:
            if text not in self._noted:
                self._noted.add(text)
                self._write(f"note: {text}")

    def _show(self, text: str) -> None:
        self._others.hide()
        now = time.monotonic()
        drawn = now - self._drawn >= REDRAW_S
        self._bar.set_postfix_str(one_line(text), refresh=drawn)
        self._drawn = now if drawn else self._drawn

    def _write(self, text: str) -> None:
        self._tqdm.write(one_line(text), file=sys.stderr)
