"""From observations to scores, without the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unharness.data.examples import Split
from unharness.evaluation.columns import (
    Column,
    CompositeColumn,
    MetricColumn,
    columns_needed,
)
from unharness.evaluation.composites import composite_score
from unharness.evaluation.lacking import NOT_IN_DATA, lacking, says_lacking
from unharness.evaluation.metric import Score
from unharness.evaluation.metric_plugins import compute
from unharness.evaluation.observed import Observed
from unharness.evaluation.repetition import repeated_share
from unharness.evaluation.requests import Generated, Likelihood, Observation
from unharness.evaluation.seen import Seen
from unharness.reference_rows import ReferenceRow
from unharness.registry import Registry


@dataclass(frozen=True)
class Observations:
    """What was observed of one model, by split and request."""

    splits: Mapping[str, Split]
    """The evaluated splits, with the evaluated examples."""
    observed: Mapping[tuple[str, Observation], Observed]
    """By split and part of a request."""
    bootstrap_seed: int = 0

    def get(self, split: str, request: Observation) -> Observed | None:
        """Return what was observed, None where it was not."""
        found = self.observed.get((split, request))
        return None if found is None or found.reason else found

    def missing(self, column: MetricColumn) -> str:
        """Return why a metric cannot be computed from this; empty if it can."""
        for split in column.splits:
            for part in column.metric.observes().parts():
                found = self.observed.get((split, part))
                if found is not None and found.reason:
                    return found.reason
                if found is None or found.is_empty:
                    if split in self.splits and (why := lacking(self.splits[split], part)):
                        return why
                    if found is None:
                        return f"not observed: {part.observer} of {split}"
                    return f"no example of {split} {NOT_IN_DATA} ({part.observer})"
        return ""

    def left_unscored(self, column: MetricColumn, reason: str) -> int:
        """Return how many examples a metric could not score because they lack what it reads."""
        return len(self.splits[column.split]) if says_lacking(reason) else 0

    def faulty(self, column: MetricColumn) -> bool:
        """Return whether an observer failed that the metric needs."""
        parts = column.metric.observes().parts()
        found = [self.observed.get((split, part)) for split in column.splits for part in parts]
        return any(one.faulty for one in found if one is not None)

    def seen(self, column: MetricColumn) -> Seen:
        """Return what a metric is given."""
        parts = column.metric.observes().parts()

        def on(split: str, against: Seen | None = None) -> Seen:
            observed = {part: self.observed[split, part] for part in parts}
            return Seen(self.splits[split], observed, self.bootstrap_seed, against)

        return on(column.split, on(column.against) if column.against else None)


References = Mapping[str, Sequence[Observations]]
"""By `retrained`, `target` and `base`: what was observed of each such model."""


def score(
    columns: Sequence[Column],
    observations: Observations,
    registry: Registry,
    references: References | None = None,
    general: Mapping[str, Score] | None = None,
) -> dict[str, Score]:
    """Compute every column.

    One whose metric raises, or whose observations are missing, gets no value and says why; the
    others are not affected.

    Args:
        columns: what is measured.
        observations: of the model.
        registry: knows the metrics.
        references: what was observed of the reference models.
        general: scores of general knowledge, by label, for composites that name some.
    """
    known = references or {}
    scores: dict[str, Score] = {}
    for column in columns:
        if isinstance(column, MetricColumn):
            scores[column.label] = _metric_score(column, observations, known, registry)
    measured = dict(general or {})
    for column in columns:
        if not isinstance(column, CompositeColumn):
            continue
        for label in column.of:
            if label not in scores:
                scores[label] = measured.get(label, Score.missing("it was not measured"))
        given = {
            name: [
                _part_score(column.of[0], columns, one, known, registry)
                for one in _others(name, observations, known)
            ]
            for name in column.references
        }
        scores[column.label] = composite_score(column.kind, column.of, scores, given)
    return {column.label: scores[column.label] for column in columns}


def _others(
    name: ReferenceRow, own: Observations, references: References
) -> Sequence[Observations]:
    """Return the models of a row that a model is compared with.

    A retrained model is compared with the other seeds, where there are some.
    """
    rows = references.get(name, ())
    if name != "retrained":
        return rows
    return [one for one in rows if one is not own] or rows


def _part_score(
    label: str,
    columns: Sequence[Column],
    model: Observations,
    references: References,
    registry: Registry,
) -> Score:
    """Return a column of a reference model."""
    return score(columns_needed(label, columns), model, registry, references)[label]


def _metric_score(
    column: MetricColumn, observations: Observations, references: References, registry: Registry
) -> Score:
    if reason := observations.missing(column):
        unscored = observations.left_unscored(column, reason)
        return replace(Score.missing(reason, unscored), faulty=observations.faulty(column))
    given: dict[str, list[Seen]] = {}
    for name in sorted(column.metric.references):
        reasons = [(one, one.missing(column)) for one in references.get(name, ())]
        models = [one for one, reason in reasons if not reason]
        if not reasons:
            return Score.missing(f"needs the {name} model's observations, and there are none")
        if not models:
            return Score.missing(f"the {name} model lacks what it needs ({reasons[0][1]})")
        given[name] = [one.seen(column) for one in models]
    found = compute(column.metric, observations.seen(column), given, registry)
    return found.complement() if column.complement else found


def example_rows(
    observations: Observations, scores: Mapping[str, Score]
) -> Iterator[dict[str, Any]]:
    """Yield a line for every evaluated example, for the file of examples beside the record."""
    for name in sorted({split for split, _ in observations.observed}):
        split = observations.splits[name]
        likelihood = observations.get(name, Likelihood())
        generated = observations.get(name, Generated())
        for index, example in enumerate(split.examples):
            tokens = likelihood.tokens[index][0] if likelihood else None
            text = generated.texts["samples"][index][0] if generated else None
            yield {
                "split": name,
                "id": example.id,
                "prompt": example.prompt,
                "answer": example.answer,
                "generated": text,
                "repeated": _share(text),
                "argmax": tokens.argmax_text if tokens else None,
                "hits": [int(hit) for hit in tokens.hits] if tokens else None,
                "log_probs": _rounded(tokens.log_probs) if tokens else None,
                "vocab_means": _rounded(tokens.means) if tokens else None,
                "vocab_variances": _rounded(tokens.variances) if tokens else None,
                "truncated": tokens.truncated if tokens else None,
                "scores": {
                    label: value.per_example[name][index]
                    for label, value in scores.items()
                    if name in value.per_example
                },
            }


def _share(text: str | None) -> float | None:
    share = None if text is None else repeated_share(text)
    return None if share is None else round(share, 6)


def _rounded(values: Sequence[float]) -> list[float]:
    """Round to 6 digits behind the point: far below what float32 resolves here."""
    return [round(value, 6) for value in values]
