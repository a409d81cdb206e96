"""Progress with a memory: how long each stage took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from unharness.progress import Progress, Stage


class TimedProgress(Progress):
    """Passes on to another progress, and keeps each stage's seconds."""

    def __init__(self, inner: Progress, clock: dict[str, float]) -> None:
        self._inner = inner
        self._clock = clock

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Add the stage's seconds to what its name has already."""
        started = time.perf_counter()
        try:
            with self._inner.stage(name) as stage:
                yield stage
        finally:
            self._clock[name] = self._clock.get(name, 0.0) + time.perf_counter() - started

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)


class PrefixedProgress(Progress):
    """Passes on to another progress, with a word before each stage."""

    def __init__(self, inner: Progress, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Open the stage under the longer name."""
        with self._inner.stage(self._prefix + name) as stage:
            yield stage

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)
