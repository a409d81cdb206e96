"""What the examples of a split lack, in words: why a metric has no value there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unharness.data.examples import Split
from unharness.evaluation.requests import (
    ANSWER,
    PROMPT,
    Choices,
    Likelihood,
    Observation,
    Paired,
)

ANSWERS = {"paraphrase": "paraphrased answers", "perturbed": "wrong answers"}
PROMPTS = {"paraphrase": "paraphrased questions"}
"""Kinds of an example's variants, as they are called in a message; others by their name."""
NOT_IN_DATA = "has what it asks for"
"""Part of the reason where it is not known which texts the examples lack."""
_LACKING = re.compile(rf"the examples of \S+ have no |{NOT_IN_DATA}")


def lacking(split: Split, part: Observation) -> str:
    """Return why no example of a split can be observed so; empty where one can be.

    Args:
        split: evaluated, with its examples.
        part: of a request.
    """
    if part.of_text and (split.generation is None or split.kind == "text"):
        return f"no text is generated for {split.name}"
    wanted = next(_unmet(split, part), "")
    return f"the examples of {split.name} have no {wanted}" if wanted else ""


def _unmet(split: Split, part: Observation) -> Iterator[str]:
    rows = split.examples
    if isinstance(part, Likelihood | Paired):
        for kind in part.prompts:
            if kind != PROMPT and not any(row.prompts.get(kind) for row in rows):
                yield PROMPTS.get(kind, f"questions of the kind {kind!r}")
        for kind in part.answers:
            if kind != ANSWER and not any(row.alternatives.get(kind) for row in rows):
                yield ANSWERS.get(kind, f"answers of the kind {kind!r}")
    elif isinstance(part, Choices) and not any(row.choices for row in rows):
        yield "choices"


def says_lacking(reason: str) -> bool:
    """Return whether the reason for a missing value is that the examples lack texts."""
    return _LACKING.search(reason) is not None
