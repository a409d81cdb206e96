"""What a suite is: tasks of lm-eval that together measure general knowledge.

Nothing heavy is imported here: suites list in no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

NONE = "none"
"""The suite of those who want none."""


@dataclass(frozen=True)
class SuiteTask:
    """One task or group of lm-eval, and how it is asked."""

    name: str
    """As lm-eval calls it."""
    shots: int | None = None
    """Examples before the question; None: as lm-eval's definition says."""
    metric: str = "acc"


class Suite:
    """Tasks of lm-eval. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    tasks: ClassVar[Sequence[SuiteTask]]
    include_path: ClassVar[Path | None] = None
    """A folder of lm-eval YAML that the tasks are defined in, beside lm-eval's own."""
    offline: ClassVar[bool] = False
    """Whether it works without the hub."""


class GeneralFacts(Suite):
    """300 facts in multiple choice, which `tiny` learns as its general knowledge."""

    name = "general-facts"
    summary = "300 bundled facts in multiple choice; works offline."
    tasks = (SuiteTask("general_facts", 0),)
    include_path = Path(__file__).parent / "general_facts"
    offline = True
