"""What each question of a suite gave, and what guessing would give: from lm-eval's samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from unharness.records.per_example import SplitNumbers, example_key, group_indices

ROLE = "general"
"""Of the splits that stand for a suite's tasks."""
SHARES_OF_RIGHT = frozenset({"acc", "acc_norm"})
"""lm-eval's metrics that are 1 where the choice is right and else 0."""

Samples = Mapping[str, Sequence[Mapping[str, Any]]]
"""By task of lm-eval: a row for every question and filter."""


def question_numbers(samples: Samples, metric: str, labels: Sequence[str]) -> SplitNumbers:
    """Return what each question gave, in %.

    Args:
        samples: of one task, or of the members of a group.
        metric: lm-eval's name of it.
        labels: of the columns that are means of it.
    """
    rows = [
        (f"{name}/{row['doc_id']}", row.get(metric))
        for name, found in samples.items()
        for row in sorted(_unfiltered(found), key=lambda row: int(row["doc_id"]))
    ]
    values = numpy.array([_percent(value) for _, value in rows], dtype=float)
    return SplitNumbers(
        ROLE,
        tuple(example_key(text) for text, _ in rows),
        group_indices([""] * len(rows)),
        dict.fromkeys(labels, values),
        {},
    )


def chance_level(
    samples: Samples, configs: Mapping[str, Mapping[str, Any]], metric: str
) -> float | None:
    """Return what a model that guesses gets right on average, %, over the questions asked.

    Returns:
        None where the answers are no choices, or the metric is not whether the right one is chosen.
    """
    if metric not in SHARES_OF_RIGHT or not samples:
        return None
    shares: list[float] = []
    for name, found in samples.items():
        config = configs[name]
        if config.get("output_type") != "multiple_choice" or config.get("process_results"):
            return None
        for row in _unfiltered(found):
            # One request a choice; for mutual information there is a second one of each.
            choices = len(row["resps"]) // (2 if "acc_mutual_info" in row else 1)
            if choices < 1:
                return None
            shares.append(1.0 / choices)
    return 100.0 * float(numpy.mean(shares)) if shares else None


def _unfiltered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["filter"] == "none"]


def _percent(value: Any) -> float:
    known = isinstance(value, int | float | numpy.number | numpy.bool_)
    return 100.0 * float(value) if known else numpy.nan
