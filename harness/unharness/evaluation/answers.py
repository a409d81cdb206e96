"""What a model's answers look like as a whole, whatever a task measures."""

from __future__ import annotations

from collections import Counter

from unharness.evaluation.observed import TokenScores
from unharness.evaluation.repetition import is_loop
from unharness.evaluation.requests import Generated, Likelihood
from unharness.evaluation.scoring import Observations
from unharness.records.record import AnswersRecord

LOOPING: dict[str, float] = {"retain": 0.1, "forget": 0.5}
"""By role of a split: above this share of loops something is wrong with the model. Of what it was
to forget it may say less sensible things, but most of them should be sentences."""
SAME: dict[str, float] = {"retain": 0.5}
"""By role: above this share of equal answers. One refusal for the whole forget set is no fault."""


def answers_record(observations: Observations) -> dict[str, AnswersRecord]:
    """Return by split how many of its answers are loops, are equal, and are predicted."""
    found = {}
    for name, split in observations.splits.items():
        texts = greedy_texts(observations, name)
        rows = [row for row in own_answers(observations, name) if row and row.hits]
        if not texts and not rows:
            continue
        found[name] = AnswersRecord(
            role=split.role,
            n=len(split.examples),
            loops=sum(map(is_loop, texts)) / len(texts) if texts else None,
            same=most_common(texts)[0] if texts else None,
            predicted=sum(sum(row.hits) / len(row.hits) for row in rows) / len(rows)
            if rows
            else None,
        )
    return found


def answer_warnings(observations: Observations) -> list[str]:
    """Say of which splits too many generated answers are loops, or one and the same."""
    found = []
    for name, answers in answers_record(observations).items():
        loops = answers.loops
        if loops is not None and loops > LOOPING.get(answers.role, 1.0):
            found.append(f"{loops:.0%} of its answers to {name} are loops of a few words")
        if answers.same is not None and answers.same > SAME.get(answers.role, 1.0):
            text = most_common(greedy_texts(observations, name))[1]
            found.append(f"{answers.same:.0%} of its answers to {name} are {text[:40]!r}")
    return found


def greedy_texts(observations: Observations, split: str) -> list[str]:
    """Return a split's greedy answers; none where none were generated."""
    found = observations.get(split, Generated())
    return [samples[0].strip() for samples in found.texts["samples"]] if found else []


def own_answers(observations: Observations, split: str) -> list[TokenScores | None]:
    """Return the token scores of a split's own answers; none where they were not observed."""
    found = observations.get(split, Likelihood())
    return [variants[0] for variants in found.tokens] if found else []


def most_common(texts: list[str]) -> tuple[float, str]:
    """Return the share (0 to 1) of the most common of some texts, and that text."""
    text, count = Counter(texts).most_common(1)[0]
    return count / len(texts), text
