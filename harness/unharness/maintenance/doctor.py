"""What is wrong with this installation: a table of checks, each a function that finds something.

A check that raises is a finding itself, and ends no other. They run at once, in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Literal

from unharness.errors import reason_of
from unharness.maintenance.imports import LIBRARIES, Imported, import_libraries
from unharness.safe_text import one_line

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    status: Status
    text: str
    fix: str = ""
    """A command that mends it; empty where nothing is to be mended."""


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst that was found."""
        found = {finding.status for finding in self.findings}
        return "error" if "error" in found else "warning" if "warning" in found else "ok"


class Surroundings:
    """What several checks look at."""

    def __init__(self, results: Path, libraries: Sequence[str] = LIBRARIES) -> None:
        """Take the folder of records, and what is imported to see whether it can be."""
        self.results = results
        self._libraries = libraries
        self._lock = Lock()

    def imported(self) -> dict[str, Imported]:
        """Return what came of importing each library, in a process of its own; done once."""
        with self._lock:
            return self._imported

    @cached_property
    def _imported(self) -> dict[str, Imported]:
        return import_libraries(self._libraries)


Check = Callable[[Surroundings], Iterable[Finding]]


def all_checks() -> dict[str, Check]:
    """Return every check by its name, in the order of the report."""
    from unharness.maintenance import devices, engines, libraries, places, plugins

    return {
        "python": libraries.python,
        "torch": libraries.torch,
        "libraries": libraries.required,
        "torch's relatives": libraries.relatives,
        "gpu": devices.gpus,
        "cpu": devices.cpu,
        "vllm": engines.vllm,
        "extras": engines.extras,
        "plugins": plugins.plugins,
        "hub": places.hub,
        "cache": places.cache,
        "disk": places.disk,
        "results": places.results,
    }


def examine(surroundings: Surroundings, checks: dict[str, Check] | None = None) -> list[Checked]:
    """Return what all checks find, in their order."""
    found = all_checks() if checks is None else checks
    with ThreadPoolExecutor(max_workers=max(1, len(found))) as pool:
        waiting = {name: pool.submit(_run, check, surroundings) for name, check in found.items()}
        return [Checked(name, one.result()) for name, one in waiting.items()]


def _run(check: Check, surroundings: Surroundings) -> tuple[Finding, ...]:
    try:
        return tuple(check(surroundings))
    except Exception as error:
        return (Finding("error", f"this check failed: {one_line(reason_of(error))}"),)
