"""A sweep under control: it says how far it is, and does what other processes want of it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from unharness.sweeps.control import (
    HEARTBEAT_S,
    FailedCell,
    Owner,
    RunningCell,
    SweepState,
    Wanted,
    forget_sweeps,
    read_wanted,
    write_state,
)
from unharness.sweeps.executors.executor import Admission, Job, JobResult, SweepObserver
from unharness.sweeps.plan import SweepPlan

WRITE_S = 0.25
"""The least time between two writes of the state."""
ADMISSIONS: dict[Wanted, Admission] = {"run": "start", "pause": "wait", "drain": "end"}
LONGEST_ERROR = 500


@contextmanager
def steered(plan: SweepPlan, shown: SweepObserver, command: str = "") -> Iterator[SweepObserver]:
    """Let other processes see and steer a sweep while the block lasts.

    Args:
        plan: what is run.
        shown: hears all that happens, too.
        command: that began it, as a user would write it.

    Yields:
        The observer to run it with.
    """
    left = len(plan.left)
    if not left:
        yield shown
        return
    seconds, unknown = plan.estimate()
    state = SweepState(
        sweep=secrets.token_hex(4),
        owner=Owner.this_process(),
        command=command,
        began=time.time(),
        cells=len(plan.cells),
        done_before=len(plan.cells) - left,
        waiting=left,
        estimated_s=None if unknown == left else seconds,
    )
    steering = SteeredSweep(Path(plan.results), state, shown)
    forget_sweeps(Path(plan.results))
    with steering.told():
        yield steering


class SteeredSweep(SweepObserver):
    """Passes on all that it hears, writes the state, and reads what is wanted."""

    def __init__(self, results: Path, state: SweepState, shown: SweepObserver) -> None:
        self._results, self._state, self._shown = results, state, shown
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._over = False
        self._wanted: Wanted = "run"
        self._paused_at: float | None = None
        self._told_of_files = False

    @contextmanager
    def told(self) -> Iterator[None]:
        """Write the state whenever it changes and at intervals, until the block ends."""
        self._write()
        thread = threading.Thread(target=self._keep_writing, name="sweep state", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over = True
            self._changed.set()
            thread.join()
            with self._lock:
                self._state.ended = time.time()
                self._state.running = []
            self._write()

    def admission(self) -> Admission:
        """Read the latest request and return it: no job starts once a pause was requested."""
        with self._lock:
            before, self._wanted = self._wanted, read_wanted(self._results, self._state.sweep)
            wanted = self._wanted
            if wanted != before:
                self._count_pause()
        if wanted != before:
            self._changed.set()
            self._shown.note(_words(wanted))
        return ADMISSIONS[wanted]

    def expect(self, more: int) -> None:
        """Pass it on."""
        self._shown.expect(more)

    def started(self, job: Job, worker: str) -> None:
        """Note the run."""
        with self._lock:
            cell = RunningCell(run_id=job.run_id, label=job.label, worker=worker, since=time.time())
            self._state.running = [*self._state.running, cell]
            self._state.waiting = max(0, self._state.waiting - 1)
        self._changed.set()
        self._shown.started(job, worker)

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Note how far the worker is; it is written at the next interval."""
        with self._lock:
            for cell in self._state.running:
                if cell.worker == worker:
                    cell.stage, cell.done, cell.total = stage, done, total
        self._shown.step(worker, stage, done, total)

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Note what came of the run."""
        with self._lock:
            state = self._state
            state.running = [cell for cell in state.running if cell.run_id != job.run_id]
            if result.outcome == "failed":
                error = str(result.error)[:LONGEST_ERROR]
                failed = FailedCell(run_id=job.run_id, label=job.label, error=error)
                state.failed = [*state.failed, failed]
            else:
                state.done += 1
        self._changed.set()
        self._shown.finished(job, worker, result)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._shown.note(text)

    def _count_pause(self) -> None:
        """Keep the time without admissions apart; the caller holds the lock."""
        now = time.time()
        if self._paused_at is not None:
            self._state.paused_s += now - self._paused_at
        self._paused_at = now if self._wanted == "pause" else None

    def _keep_writing(self) -> None:
        while not self._over:
            self._changed.wait(HEARTBEAT_S)
            self._changed.clear()
            if not self._over:
                self._write()
                time.sleep(WRITE_S)  # what happens at once is written once

    def _write(self) -> None:
        with self._lock:
            state = self._state.model_copy(deep=True)
            if self._paused_at is not None:
                state.paused_s += time.time() - self._paused_at
        try:
            write_state(self._results, state)
        except OSError as error:  # the sweep itself goes on, and says it once
            if not self._told_of_files:
                self._told_of_files = True
                self._shown.note(f"this sweep cannot be seen or steered by others ({error})")


def _words(wanted: Wanted) -> str:
    at = f"at {datetime.now():%H:%M:%S}"
    if wanted == "pause":
        return f"paused {at}: nothing new starts; 'unharness sweep resume' goes on"
    if wanted == "drain":
        return f"draining, asked {at}: what runs is finished, then the sweep ends"
    return f"resumed {at}"
