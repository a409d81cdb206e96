"""Progress: a live line for every stage; without a terminal, a line when it ends; or JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from unharness.cli.json_progress import JsonProgress
from unharness.progress import Progress, Stage
from unharness.safe_text import one_line
from unharness.terminal import Console

BAR, JSON, NONE = "bar", "json", "none"
FORMS = (BAR, JSON, NONE)
"""What `--progress` may be."""


def progress_for(quiet: bool, form: str | None = None) -> AbstractContextManager[Progress]:
    """Return what shows progress on stderr, so that stdout holds results alone.

    Args:
        quiet: show nothing where no form is given.
        form: one of FORMS; None: bars on a terminal, else a line for every stage.
    """
    if form == JSON:
        return nullcontext(JsonProgress())
    if form == NONE or (quiet and form is None):
        return nullcontext(Progress())
    console = error_console(form)
    return live(console) if console.is_terminal else nullcontext(PlainProgress(console))


def error_console(form: str | None = None) -> Console:
    """Return a console on stderr; for bars that are asked for it takes anything for a terminal."""
    return Console(stderr=True, **({"force_terminal": True} if form == BAR else {}))


class _Notes(Progress):
    """Prints notes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(f"note: {text}", style="yellow", markup=False, highlight=False)


class PlainProgress(_Notes):
    """A line for every stage that is over."""

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Print the stage's name and seconds when it ends."""
        started = time.perf_counter()
        yield Stage()
        seconds = time.perf_counter() - started
        self._console.print(f"{name:<40} {seconds:7.1f} s", markup=False, highlight=False)


class _LiveStage(Stage):
    def __init__(self, bars: Bars, bar: TaskID) -> None:
        self._bars = bars
        self._bar = bar

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        loss = f"loss {values['loss']:.3f}" if values and "loss" in values else ""
        self._bars.update(self._bar, completed=done, total=total, loss=loss)


class LiveProgress(_Notes):
    """A moving bar for every stage."""

    def __init__(self, console: Console, bars: Bars) -> None:
        super().__init__(console)
        self._bars = bars

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Show a bar that stays when the stage ends; broken off, it stays as far as it came."""
        bar = self._bars.add_task(one_line(name), total=None, loss="")
        try:
            yield _LiveStage(self._bars, bar)
        except BaseException:
            self._bars.stop_task(bar)
            raise
        total = self._bars.tasks[self._bars.task_ids.index(bar)].total or 1
        self._bars.update(bar, total=total, completed=total)
        self._bars.stop_task(bar)


@contextmanager
def live(console: Console) -> Iterator[LiveProgress]:
    """Draw bars while the block lasts."""
    bars = Bars(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[loss]}"),
        console=console,
    )
    with bars:
        yield LiveProgress(console, bars)
