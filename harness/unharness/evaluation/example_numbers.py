"""The numbers of every evaluated example, from observations and scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from unharness.data.examples import Split
from unharness.evaluation.metric import Score
from unharness.evaluation.requests import Choices, Generated, Likelihood
from unharness.evaluation.rouge import rouge_l_f1
from unharness.evaluation.scoring import Observations
from unharness.evaluation.seen import Seen, Values
from unharness.records.per_example import (
    KNOWN,
    SAID,
    PerExample,
    SplitNumbers,
    example_key,
    group_indices,
)


def example_numbers(observations: Observations, scores: Mapping[str, Score]) -> PerExample:
    """Return what every column gives for each example, and what closeness is computed from."""
    found = {}
    for name in sorted({split for split, _ in observations.observed}):
        split = observations.splits[name]
        found[name] = SplitNumbers(
            split.role,
            tuple(example_key(row.id) for row in split.examples),
            group_indices([row.group for row in split.examples]),
            {
                label: _array(score.per_example[name])
                for label, score in scores.items()
                if name in score.per_example
            },
            {kind: _array(values) for kind, values in _answers(observations, split).items()},
        )
    return found


def _answers(observations: Observations, split: Split) -> dict[str, Values]:
    """Return by example what is known under teacher forcing, and what is said in free text."""
    if split.kind == "choice":
        chosen = _chosen(observations, split)
        return {KNOWN: chosen, SAID: chosen} if chosen else {}
    found: dict[str, Values] = {}
    likelihood = observations.get(split.name, Likelihood())
    if likelihood and not likelihood.is_empty:
        rows = [variants[0] for variants in likelihood.tokens]
        found[KNOWN] = [sum(row.hits) / len(row.hits) if row else None for row in rows]
    generated = observations.get(split.name, Generated())
    if generated and not generated.is_empty:
        pairs = zip(split.examples, generated.texts["samples"], strict=True)
        found[SAID] = [rouge_l_f1(row.answer, texts[0]) / 100.0 for row, texts in pairs]
    return found


def _chosen(observations: Observations, split: Split) -> Values | None:
    """Return 1 where the right choice is the likeliest per token, else 0."""
    found = observations.get(split.name, Choices())
    if found is None or found.is_empty:
        return None
    rows = Seen(split, {Choices(): found}).choices()
    return [
        None if row is None or row.gold is None else float(row.best_by_mean == row.gold)
        for row in rows
    ]


def _array(values: Values) -> numpy.ndarray:
    return numpy.array([numpy.nan if value is None else value for value in values], dtype=float)
