"""Progress as tqdm's bars: in notebooks, and wherever Python code asks for it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unharness.progress import Progress, Stage
from unharness.safe_text import one_line


def chosen_progress(wanted: Progress | bool | None) -> Progress:
    """Return what shows progress.

    Args:
        wanted: a Progress of one's own; True for bars, False for nothing, None for bars in
            notebooks alone.
    """
    if isinstance(wanted, Progress):
        return wanted
    return BarProgress() if wants_bars(wanted) else Progress()


def wants_bars(wanted: bool | None) -> bool:
    """Return whether bars are to be drawn; None: in notebooks alone."""
    return in_notebook() if wanted is None else wanted


def in_notebook() -> bool:
    """Return whether this code runs in a Jupyter kernel."""
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found else None
    return shell is not None and "IPKernelApp" in shell.config


def tqdm_class() -> Any:
    """Return tqdm's class for where we are: with ipywidgets a widget, else a line of text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ipywidgets would look better
        from tqdm.auto import tqdm
    return tqdm


class BarProgress(Progress):
    """A bar for every stage; that of a stage which counts its steps stays when it is over."""

    def __init__(self) -> None:
        self._tqdm = tqdm_class()

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Show a bar while the stage lasts."""
        # Told so, it is shown: TQDM_DISABLE is for the bars of libraries.
        bar = self._tqdm(desc=one_line(name), disable=False, leave=False)
        try:
            yield _BarStage(bar)
        finally:
            bar.close()

    def note(self, text: str) -> None:
        """Print the note above the bars."""
        self._tqdm.write(f"note: {one_line(text)}", file=sys.stderr)


class _BarStage(Stage):
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        self._bar.leave = True
        self._bar.total = total
        if values and "loss" in values:
            self._bar.set_postfix_str(f"loss {values['loss']:.3f}", refresh=False)
        self._bar.update(done - self._bar.n)
