"""Progress for programs: one JSON object a line on stderr (`--progress json`).

Every object has `event`. Of a run:

- `stage`: a stage begins; `step`: it is so far; `end`: it is over. Each has `stage` (its name),
  `done`, `total` (null where it is unknown) and `seconds` (since the stage began); a `step` may
  have `values`, such as the loss; an `end` has `ok`, false where the stage was broken off.
- `note`: `text`, something that the user should know.

Of a sweep, in addition: `run` (a worker begins one: `run`, its id, `label`, `worker`), `step`
with `worker`, and `finished` (`run`, `label`, `worker`, `outcome`, `seconds`, `value`, `error`,
and of all runs `done`, `failed`, `total`).
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from unharness.progress import Progress, Stage

TELL_S = 0.2
"""Steps of a stage are told no more often, but for the first and the last."""
Tell = Callable[..., None]


def write_line(event: str, **facts: Any) -> None:
    """Write one event on stderr, whole, and at once; numbers that JSON lacks become null."""
    line = json.dumps({"event": event, **_finite(facts)}, ensure_ascii=True)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _finite(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _finite(value)
        if isinstance(value, Mapping)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in facts.items()
    }


class _JsonStage(Stage):
    def __init__(self, name: str, tell: Tell) -> None:
        self._name, self._tell = name, tell
        self._began, self._told = time.monotonic(), -math.inf
        self._done, self._total = 0, 0

    def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
        self._done, self._total = done, total
        now = time.monotonic()
        if now - self._told >= TELL_S or done >= total:
            self._told = now
            self.write("step", **({"values": values} if values else {}))

    def write(self, event: str, **facts: Any) -> None:
        """Write an event of this stage."""
        seconds = round(time.monotonic() - self._began, 3)
        at = {"done": self._done, "total": self._total or None, "seconds": seconds}
        self._tell(event, stage=self._name, **at, **facts)


class JsonProgress(Progress):
    """Progress of a run as JSON lines."""

    def __init__(self, tell: Tell = write_line) -> None:
        self._tell = tell

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Write the stage's beginning, its steps, and its end."""
        stage = _JsonStage(name, self._tell)
        stage.write("stage")
        try:
            yield stage
        except BaseException:
            stage.write("end", ok=False)
            raise
        stage.write("end", ok=True)

    def note(self, text: str) -> None:
        """Write the note."""
        self._tell("note", text=text)
