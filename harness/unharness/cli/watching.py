"""A sweep on the screen: a line a worker, and how many runs are done, failed and left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from unharness.sweeping.executor import Job, JobResult, Watcher
from unharness.terminal import Console, Text

REFRESH_HZ = 4


@contextmanager
def watching(total: int, seconds: float, quiet: bool, console: Console) -> Iterator[Watcher]:
    """Show runs while the block lasts: live on a terminal, else a line a run.

    Args:
        total: how many runs there will be; 0 if nobody knows.
        seconds: what they will take, by past records; 0 if nobody knows.
        quiet: show notes alone.
        console: where.
    """
    if quiet:
        yield Notes(console)
    elif not console.is_terminal:
        yield Lines(console, total)
    else:
        shown = LiveTable(console, total, seconds)
        with Live(shown, console=console, refresh_per_second=REFRESH_HZ, transient=True):
            yield shown


class Notes(Watcher):
    """Shows what the user must know, and nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._noted: set[str] = set()

    def note(self, text: str) -> None:
        """Print a note, once."""
        with self._lock:
            known = text in self._noted
            self._noted.add(text)
        if not known:
            self._print(f"note: {text}", "yellow")

    def _print(self, text: str, style: str = "") -> None:
        # Never while the lock is held: what is live is drawn anew, which takes the lock, too.
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


class Lines(Notes):
    """A line for every run that is over."""

    def __init__(self, console: Console, total: int) -> None:
        super().__init__(console)
        self._total, self._over = total, 0

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Print the line."""
        with self._lock:
            self._over += 1
            count = f"[{self._over}/{self._total or '?'}]"
        self._print(f"{count} {_summary(job, result)}", _style(result))


@dataclass
class _Line:
    label: str
    stage: str = "start"
    done: int = 0
    total: int = 0
    since: float = 0.0


class LiveTable(Notes):
    """A line a worker, and a line of all."""

    def __init__(self, console: Console, total: int, seconds: float) -> None:
        super().__init__(console)
        self._total, self._left_s = total, seconds
        self._lines: dict[str, _Line] = {}
        self._done = self._failed = 0
        self._began = time.monotonic()

    def started(self, job: Job, worker: str) -> None:
        """Show the job on the worker's line."""
        with self._lock:
            self._lines[worker] = _Line(job.label, since=time.monotonic())

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Move the worker's bar."""
        with self._lock:
            line = self._lines.get(worker)
            if line:
                line.stage, line.done, line.total = stage, done, total

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Print what came of the job above the table."""
        with self._lock:
            self._lines.pop(worker, None)
            if result.outcome == "failed":
                self._failed += 1
            else:
                self._done += 1
        self._print(_summary(job, result), _style(result))

    def __rich__(self) -> Group:
        with self._lock:
            table = Table.grid(padding=(0, 1))
            for worker, line in sorted(self._lines.items()):
                bar = ProgressBar(line.total or None, line.done, width=20, pulse=not line.total)
                seconds = f"{time.monotonic() - line.since:.0f} s"
                table.add_row(
                    Text(worker, "cyan"), Text(line.label), Text(line.stage), bar, seconds
                )
            return Group(table, Text(self._summary(), "bold"))

    def _summary(self) -> str:
        over = self._done + self._failed
        elapsed = time.monotonic() - self._began
        text = f"{self._done} done · {self._failed} failed"
        if self._total:
            text += f" · {self._total - over} left"
        if over and over < self._total:
            # What is measured here beats what past records said of other days.
            text += f" · about {(self._total - over) * elapsed / over / 60:.0f} min more"
        elif not over and self._left_s:
            text += f" · {self._left_s / 60:.0f} min of work by past records"
        return text


def _summary(job: Job, result: JobResult) -> str:
    if result.outcome == "failed":
        return f"failed  {job.label}: {result.error}"
    value = f"  {result.value:.1f}" if result.value is not None else ""
    return f"{result.outcome:<6}  {job.label}{value}  ({result.seconds:.0f} s)"


def _style(result: JobResult) -> str:
    return "red" if result.outcome == "failed" else ""
