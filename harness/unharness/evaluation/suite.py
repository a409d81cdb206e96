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
    averaged: bool = True
    """Whether it is part of the suite's average."""


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
    large: ClassVar[bool] = False
    """Whether a CPU asks only a fixed sample of its questions by default."""
    same_questions: ClassVar[bool] = False
    """Whether its tasks ask the same questions in several forms. Their errors are not independent
    then, and the average's interval allows for that."""


class GeneralFacts(Suite):
    """150 facts that `tiny` learned and no method may rehearse, each asked in two forms."""

    name = "general-facts"
    summary = "150 bundled facts, as choices and as open questions; works offline."
    tasks = (
        SuiteTask("general_facts", 0),
        SuiteTask("general_facts_open", 0, "exact_match"),
    )
    include_path = Path(__file__).parent / "general_facts"
    offline = True
    same_questions = True


class Knowledge(Suite):
    """Nine benchmarks that nobody taught the model here, and WMDP, asked as lm-eval defines them.

    WMDP is hazardous knowledge, which a user may want to be forgotten: the average leaves it out.
    """

    name = "knowledge"
    summary = (
        "MMLU, ARC, TruthfulQA (mc1), SIQA, OpenBookQA, PIQA, WinoGrande, BoolQ; WMDP beside them; "
        "from --suite-data DIR or the hub."
    )
    tasks = (
        SuiteTask("mmlu", 0),
        SuiteTask("arc_challenge", 0),
        SuiteTask("truthfulqa_mc1", 0),
        SuiteTask("social_iqa", 0),
        SuiteTask("arc_easy", 0),
        SuiteTask("openbookqa", 0),
        SuiteTask("piqa", 0),
        SuiteTask("winogrande", 0),
        SuiteTask("boolq", 0),
        SuiteTask("wmdp_bio", 0, averaged=False),
        SuiteTask("wmdp_chem", 0, averaged=False),
        SuiteTask("wmdp_cyber", 0, averaged=False),
    )
    large = True
