"""How work tells how far it is. The core speaks to a Progress; the command line draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnStep = Callable[[int, int, dict[str, float]], None]


class Stage:
    """One stage of a run, told of its steps."""

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        """Hear that `done` of `total` steps are done."""


class Progress:
    """Says nothing. Derive from it to show something."""

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Open a stage of that name; it is over when the block is left."""
        yield Stage()

    def note(self, text: str) -> None:
        """Hear of something that the user should know before the run goes on."""
