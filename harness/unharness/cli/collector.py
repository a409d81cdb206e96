"""Python's garbage collector, paused while a command reads many records."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector of a process that is this command's own.

    Records are kept and have no cycles: it would walk all of them again and again as they become
    more, for a third of the time of a large board.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
