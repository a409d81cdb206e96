"""The numbers of the page: what a column says in words, before, after, and never seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from unharness.errors import UnharnessError
from unharness.evaluation.columns import is_general
from unharness.evaluation.metric import PERCENT
from unharness.named_settings import bare_name
from unharness.records.record import MetricRecord, RankingRecord, RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import ReferenceRow, row_of
from unharness.registry import registry
from unharness.report.attacked import chain_key
from unharness.report.axes import axis_of
from unharness.report.chance import chance_of
from unharness.report.comparable import by_target
from unharness.report.record_closeness import reference_records
from unharness.report.scale import Scale
from unharness.report.values import format_number

if TYPE_CHECKING:
    from unharness.axes import Axis

BETTER = {
    "higher": "higher is better",
    "lower": "lower is better",
    "match_reference": "best where a model is that never saw the facts",
}


@dataclass(frozen=True)
class References:
    """The models that a run is compared with, as far as they were measured in the same way."""

    target: Sequence[RunRecord] = ()
    """The model before."""
    retrained: Sequence[RunRecord] = ()
    """Models that never saw what is to be forgotten."""
    base: Sequence[RunRecord] = ()
    """The model before it learned any of the facts."""

    def of(self, row: ReferenceRow) -> Sequence[RunRecord]:
        """Return the records of a reference row."""
        found: Sequence[RunRecord] = getattr(self, row)
        return found

    def value(self, row: ReferenceRow, label: str, like: MetricRecord) -> float | None:
        """Return the mean of a column over a row's records; None where none has that number."""
        metrics = (one.metrics.get(label) for one in self.of(row))
        values = [
            one.value
            for one in metrics
            if one and one.value is not None and one.origin() == like.origin()
        ]
        scale = Scale.of(like.unit)
        if not values or not scale.covers(values):
            return None
        return scale.back(fmean(map(scale.to, values)))


def find_references(record: RunRecord, store: RecordStore) -> References:
    """Return the reference rows of a run, of its own target and under the same attacks."""
    alike = [record]
    for found in reference_records(record, store):
        if found.record.run_id != record.run_id:
            alike.append(found.record)
    group = next(own for own in by_target(alike) if any(one is record for one in own))
    rows: dict[str, list[RunRecord]] = {"target": [], "retrained": [], "base": []}
    for one in group:
        row = row_of(one.spec.method, registry())
        if row and one is not record and chain_key(one) == chain_key(record):
            rows[row].append(one)
    return References(**rows)


@dataclass(frozen=True)
class Measure:
    """One column of the record."""

    label: str
    words: str
    """What it says, for readers who do not know the metric."""
    axis: Axis | None
    record: MetricRecord
    before: float | None
    """Of the target model."""
    never: float | None
    """Of models that never saw what is to be forgotten: retrained ones. Of what is to be forgotten
    the base model never saw anything either."""
    marks: dict[str, float] = field(default_factory=dict)
    """Positions on a scale of 0 to 100, of what is in %."""

    @property
    def after(self) -> str:
        """The value, with its unit."""
        return shown(self.record.value, self.record.unit)

    @property
    def shown_before(self) -> str:
        """The value before, with its unit."""
        return shown(self.before, self.record.unit)

    @property
    def shown_never(self) -> str:
        """The value of models that never saw the facts, with its unit."""
        return shown(self.never, self.record.unit)

    @property
    def interval(self) -> str:
        """The interval, in words."""
        if not self.record.ci95:
            return "not known"
        low, high = (shown(end, self.record.unit) for end in self.record.ci95)
        return f"between {low} and {high}" if low != high else "not known: all examples are alike"

    @property
    def better(self) -> str:
        """Which direction is good."""
        return BETTER[self.record.direction]


def measures_of(record: RunRecord, references: References) -> list[Measure]:
    """Return the columns that have a value, those that tables leave out left out."""
    ranking = record.ranking or RankingRecord()
    told = _told_words(record)
    leading = {ranking.forget_axis, *ranking.retain_axes}
    found = []
    for label, metric in record.metrics.items():
        if metric.value is None or (metric.detail and label not in leading):
            continue
        before = references.value("target", label, metric)
        never = references.value("retrained", label, metric)
        axis = axis_of(label, record, ranking)
        if label == ranking.forget_axis:
            axis = "forget"
        elif label in ranking.retain_axes:
            axis = "retain"
        if never is None and axis == "forget":
            never = references.value("base", label, metric)
        found.append(
            Measure(
                label,
                told.get(label) or _own_words(label, metric, record),
                axis,
                metric,
                before,
                never,
                dict(_marks(metric, before, never)),
            )
        )
    return sorted(found, key=lambda one: one.label not in leading)


def unmeasured(record: RunRecord) -> dict[str, list[str]]:
    """Return by reason the columns that have no value."""
    found: dict[str, list[str]] = {}
    for label, metric in record.metrics.items():
        if metric.value is None:
            found.setdefault(metric.status, []).append(label)
    return found


def shown(value: float | None, unit: str) -> str:
    """Return a number with its unit; a dash for none."""
    if value is None:
        return "–"
    return f"{format_number(value, unit)}{'%' if unit == PERCENT else f' {unit}' if unit else ''}"


def _told_words(record: RunRecord) -> dict[str, str]:
    """Return what the task says of its columns in plain words, where it is installed."""
    with suppress(UnharnessError):
        task = registry().get("tasks", bare_name(record.spec.task))
        return {str(label): str(text) for label, text in task.in_words.items()}
    return {}


def _own_words(label: str, metric: MetricRecord, record: RunRecord) -> str:
    """Return what a metric says of itself."""
    if is_general(label):
        chance = chance_of(label, record)
        guess = f"; guessing gives {shown(chance, PERCENT)}" if chance is not None else ""
        return f"Questions on general knowledge answered rightly{guess}"
    if isinstance(parts := metric.params.get("of"), list):
        return f"{(metric.metric or 'computed').replace('_', ' ')} of {', '.join(map(str, parts))}"
    summary = ""
    with suppress(UnharnessError):
        if metric.metric is not None:
            summary = registry().entry("metrics", metric.metric).summary.rstrip(".")
    return f"100 minus: {summary}" if metric.complement and summary else summary or label


def _marks(
    metric: MetricRecord, before: float | None, never: float | None
) -> Iterator[tuple[str, float]]:
    if metric.unit != PERCENT:
        return
    low, high = metric.ci95 or (None, None)
    named = {"after": metric.value, "before": before, "never": never, "low": low, "high": high}
    for name, value in named.items():
        if value is not None and 0 <= value <= 100:
            yield name, round(value, 2)
