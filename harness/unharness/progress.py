"""How work reports its progress. The core calls a Progress; the command line draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnStep = Callable[[int, int, dict[str, float]], None]


class Stage:
    """One stage of a run, which counts its steps."""

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        """Report that `done` of `total` steps are done."""


class Progress:
    """Shows nothing. Derive from it to show something."""

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Open a stage of that name; it is over when the block is left."""
        yield Stage()

    def note(self, text: str) -> None:
        """Show something that the user should know before the run continues."""
