"""A sweep on the screen: what every worker is at, and how many runs are done, failed and left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from unharness.cli.counted_sweep import CountedSweep
from unharness.cli.json_sweep import JsonSweep
from unharness.cli.progress import JSON, NONE
from unharness.sweeps.executors.executor import Job, JobResult, SweepObserver
from unharness.terminal import Console, Text

REFRESH_HZ = 4
REPORT_S = 30.0
"""How often a sweep without a terminal says how far it is."""


@contextmanager
def watching(
    total: int,
    seconds: float,
    quiet: bool,
    console: Console,
    every: float = REPORT_S,
    form: str | None = None,
) -> Iterator[SweepObserver]:
    """Show runs while the block lasts: live on a terminal, else a line a run and at intervals.

    Args:
        total: how many runs there will be; 0 if unknown.
        seconds: what they will take, by past records; 0 if unknown.
        quiet: show nothing where no form is given.
        console: where.
        every: seconds between lines where there is no terminal.
        form: of progress, as `--progress` takes it; None: as above.
    """
    if form == JSON:
        yield JsonSweep(total)
    elif form == NONE or (quiet and form is None):
        yield SweepObserver()
    elif not console.is_terminal:
        lines = Lines(console, total, seconds)
        with lines.reporting(every):
            yield lines
    else:
        shown = LiveTable(console, total, seconds)
        with Live(shown, console=console, refresh_per_second=REFRESH_HZ, transient=True):
            yield shown


@dataclass
class _Line:
    label: str
    stage: str = "start"
    done: int = 0
    total: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since


class _Board(CountedSweep):
    """What every worker is at, how many runs are over, and notes, printed once each."""

    def __init__(self, console: Console, total: int, seconds: float) -> None:
        super().__init__(total)
        self._console = console
        self._left_s = seconds
        self._lines: dict[str, _Line] = {}
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        """Print a note, once."""
        with self._lock:
            new = self._is_new(text)
        if new:
            self._print(f"note: {text}", "yellow")

    def started(self, job: Job, worker: str) -> None:
        """Show the job on the worker's line."""
        with self._lock:
            self._lines[worker] = _Line(job.label)

    def step(self, worker: str, stage: str, done: int, total: int) -> None:
        """Note how far the worker is."""
        with self._lock:
            line = self._lines.get(worker)
            if line:
                line.stage, line.done, line.total = stage, done, total

    def finished(self, job: Job, worker: str, result: JobResult) -> None:
        """Print what came of the job."""
        with self._lock:
            self._lines.pop(worker, None)
            self._count(result)
            count = self._before_line()
        self._print(f"{count}{_summary(job, result)}", _style(result))

    def _before_line(self) -> str:
        """Return what stands before the line of a run that is over."""
        return ""

    def _print(self, text: str, style: str = "") -> None:
        # Never while the lock is held: what is live is drawn anew, which takes the lock, too.
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _summary(self) -> str:
        over = self._done + self._failed
        elapsed = time.monotonic() - self._began
        left = None if self._total is None else self._total - over
        text = f"{self._done} done · {self._failed} failed"
        if left is not None:
            text += f" · {left} left"
        if over and left:
            # What is measured here beats what past records said of other days.
            text += f" · about {left * elapsed / over / 60:.0f} min more"
        elif not over and self._left_s:
            text += f" · {self._left_s / 60:.0f} min of work by past records"
        return text


class Lines(_Board):
    """A line for every run that is over, and at intervals one of what is under way."""

    @contextmanager
    def reporting(self, every: float) -> Iterator[None]:
        """Print the state now, and at a fixed interval until the block ends."""
        if self._total is not None:
            self._print(self._summary())
        over = threading.Event()

        def report() -> None:
            while not over.wait(every):
                self._print(self._state())

        thread = threading.Thread(target=report, name="sweep report", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _before_line(self) -> str:
        return f"[{self._done + self._failed}/{'?' if self._total is None else self._total}] "

    def _state(self) -> str:
        with self._lock:
            workers = [
                f"{worker}: {line.label}, {line.stage}"
                + (f" {line.done}/{line.total}" if line.total else "")
                for worker, line in sorted(self._lines.items())
            ]
            minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
            return "; ".join([f"{minutes}:{seconds:02d}  {self._summary()}", *workers])


class LiveTable(_Board):
    """A line a worker, and a line of all."""

    def __rich__(self) -> Group:
        with self._lock:
            table = Table.grid(padding=(0, 1))
            for worker, line in sorted(self._lines.items()):
                bar = ProgressBar(line.total or None, line.done, width=20, pulse=not line.total)
                table.add_row(
                    Text(worker, "cyan"),
                    Text(line.label),
                    Text(line.stage),
                    bar,
                    f"{line.seconds:.0f} s",
                )
            return Group(table, Text(self._summary(), "bold"))


def _summary(job: Job, result: JobResult) -> str:
    if result.outcome == "failed":
        return f"failed  {job.label}: {result.error}"
    value = f"  {result.value:.1f}" if result.value is not None else ""
    return f"{result.outcome:<6}  {job.label}{value}  ({result.seconds:.0f} s)"


def _style(result: JobResult) -> str:
    return "red" if result.outcome == "failed" else ""
