"""Progress as tqdm's bars: in notebooks, and wherever Python code asks for it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from unharness.progress import Progress, Stage
from unharness.safe_text import one_line

REDRAW_S = 0.1
"""How often a bar is drawn at most, but for its end."""


@contextmanager
def chosen_progress(wanted: Progress | bool | None) -> Iterator[Progress]:
    """Yield what shows progress while the block lasts.

    Args:
        wanted: a Progress of one's own; True for bars, False for nothing, None for bars in
            notebooks alone.
    """
    if isinstance(wanted, Progress):
        yield wanted
    elif wants_bars(wanted):
        with closing(BarProgress()) as bars:
            yield bars
    else:
        yield Progress()


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


class LibraryBars:
    """The bars of transformers, which would stand between ours."""

    def __init__(self) -> None:
        self._hidden: Any = None

    def hide(self) -> None:
        """Switch them off if transformers is there and shows some; it may be imported later."""
        logging = sys.modules.get("transformers.utils.logging")
        if self._hidden is None and logging is not None and logging.is_progress_bar_enabled():
            logging.disable_progress_bar()
            self._hidden = logging

    def restore(self) -> None:
        """Switch them on again if they were."""
        if self._hidden is not None:
            self._hidden.enable_progress_bar()
            self._hidden = None


class BarProgress(Progress):
    """A bar for every stage; that of a stage which counts its steps stays when it is over."""

    def __init__(self) -> None:
        self._tqdm = tqdm_class()
        self._others = LibraryBars()

    def close(self) -> None:
        """Leave libraries to their own bars again."""
        self._others.restore()

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Show a bar while the stage lasts."""
        self._others.hide()
        # Told so, it is shown: TQDM_DISABLE is for the bars of libraries.
        bar = self._tqdm(desc=one_line(name), disable=False, leave=False, mininterval=REDRAW_S)
        try:
            yield _BarStage(bar, self._others)
        finally:
            bar.close()

    def note(self, text: str) -> None:
        """Print the note above the bars."""
        self._tqdm.write(f"note: {one_line(text)}", file=sys.stderr)


class _BarStage(Stage):
    def __init__(self, bar: Any, others: LibraryBars) -> None:
        self._bar, self._others = bar, others

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        self._others.hide()
        self._bar.leave = True
        self._bar.total = total
        if values and "loss" in values:
            self._bar.set_postfix_str(f"loss {values['loss']:.3f}", refresh=False)
        self._bar.update(done - self._bar.n)
