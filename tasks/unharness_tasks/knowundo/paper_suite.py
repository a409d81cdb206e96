"""The suite of general knowledge that the KnowUnDo paper reports."""

from __future__ import annotations

from unharness import Suite, SuiteTask


class Paper(Suite):
    """KnowUnDo's five general tasks (arXiv 2407.01920, section 5).

    The paper states neither the number of shots nor the form of TruthfulQA: its numbers are those
    of a single right choice (mc1), and every task is asked as lm-eval defines it, with no shots.
    """

    name = "paper"
    summary = "KnowUnDo's five tasks: MMLU, ARC-Challenge, TruthfulQA, SIQA, RACE; needs the hub."
    citation = "Tian et al. 2024, arXiv 2407.01920, section 5"
    tasks = (
        SuiteTask("mmlu", 0),
        SuiteTask("arc_challenge", 0),
        SuiteTask("truthfulqa_mc1", 0),
        SuiteTask("social_iqa", 0),
        SuiteTask("race", 0),
    )
    large = True
