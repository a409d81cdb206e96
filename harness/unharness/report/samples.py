"""What a row's value is sampled from: its runs, and the questions of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy

from unharness.errors import RecordError
from unharness.evaluation.metric import PERCENT
from unharness.records.per_example import (
    PerExample,
    SplitNumbers,
    has_per_example,
    read_per_example,
)
from unharness.records.record import MetricRecord, RunRecord
from unharness.records.store import StoredRecord
from unharness.report.comparable import run_key
from unharness.report.intervals import RunKey, Sampled
from unharness.report.ranking import Value
from unharness.report.scale import Scale

CLOSE = 1e-4
"""How near a metric's value is to the mean of its examples' scores, if it is their mean."""
HALF_WIDTH = 1.959964
"""Of a 95% interval, in standard errors."""
UNKNOWN = (math.nan, math.nan)


class NumbersReader:
    """Reads the numbers of the examples of records that may be compared, each file once."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            warn: told of a file that cannot be read; the record then counts without it.
        """
        self._warn = warn
        self._folders: dict[str, StoredRecord] = {}
        self._read: dict[str, PerExample | None] = {}

    def add(self, found: StoredRecord) -> None:
        """Take in where a record lies."""
        self._folders[found.record.run_id] = found

    def __call__(self, record: RunRecord) -> PerExample | None:
        """Return the numbers of a record's examples, None where there are none."""
        key = record.run_id
        if key not in self._read:
            self._read[key] = self._numbers(self._folders.get(key))
        return self._read[key]

    def _numbers(self, found: StoredRecord | None) -> PerExample | None:
        if found is None or not has_per_example(*found):
            return None
        try:
            return read_per_example(*found)
        except RecordError as error:
            self._warn(str(error))
            return None


class RowSamples:
    """What the metrics of runs that differ in their seeds are sampled from."""

    def __init__(self, runs: Sequence[RunRecord], numbers: NumbersReader) -> None:
        """Prepare.

        Args:
            runs: of one row.
            numbers: reads what each example gave.
        """
        self._runs = runs
        self._numbers = numbers

    def value(self, name: str) -> Value:
        """Return one metric over the runs, with its interval.

        There is no value where a run has none, or where one is not on the metric's scale.
        """
        metrics = [record.metrics.get(name) for record in self._runs]
        known = [one for one in metrics if one is not None and one.value is not None]
        if not known or len(known) < len(metrics):
            return Value(None, None, min((one.n if one else 0 for one in metrics), default=0))
        count = min([one.n for one in known])
        scale = Scale.of(known[0].unit)
        values = [float(one.value or 0.0) for one in known]
        if not scale.covers(values):
            return Value(None, None, count)
        sampled = self._sampled(name, known, values, scale)
        if len(known) == 1 and not sampled.influences:
            return Value(values[0], known[0].ci95, count, sampled)
        found = made_value(sampled, known[0].unit, count)
        # A logarithm and back may end a rounding error beside one run's own value.
        return replace(found, value=values[0]) if len(known) == 1 else found

    @cached_property
    def _keys(self) -> tuple[RunKey, ...]:
        return tuple(map(run_key, self._runs))

    @cached_property
    def _tables(self) -> list[PerExample | None]:
        return [self._numbers(record) for record in self._runs]

    def _sampled(
        self, name: str, metrics: Sequence[MetricRecord], own: Sequence[float], scale: Scale
    ) -> Sampled:
        values = numpy.array([scale.to(value) for value in own] if scale.log else own)
        influences = self._influences(name, metrics)
        if influences:
            return Sampled(self._keys, values, influences)
        return Sampled(self._keys, values, question_errors=_standard_errors(metrics, scale))

    def _influences(self, name: str, metrics: Sequence[MetricRecord]) -> dict[str, Any]:
        """Return by split what each group of questions adds to each run's value, (K, G).

        Empty where the examples' scores are not known, or the value is not their mean.
        """
        found: dict[str, list[Any]] = {}
        shapes: dict[str, tuple[str, ...]] = {}
        for table, metric in zip(self._tables, metrics, strict=True):
            columns = _scored(table or {}, name)
            sign = _sign(metric, [scores.mean for _, scores in columns.values()])
            if not sign:
                return {}
            for split, (one, scores) in columns.items():
                if shapes.setdefault(split, one.examples) != one.examples:
                    return {}
                found.setdefault(split, []).append(
                    sign * scores.influence(one.groups) / len(columns)
                )
        if any(len(rows) < len(metrics) for rows in found.values()):
            return {}
        return {split: numpy.stack(rows) for split, rows in found.items()}


def made_value(sampled: Sampled, unit: str, count: int, *, counted: bool = True) -> Value:
    """Return a value in its unit, from what is sampled on the unit's scale.

    Args:
        sampled: the row.
        unit: of the value.
        count: examples of one run.
        counted: whether it is a mean over questions.
    """
    scale, estimate = Scale.of(unit), sampled.estimate()
    if unit == PERCENT:
        interval = estimate.percent_interval(counted=counted)
    else:
        interval = estimate.interval()
    ends = None if interval is None else (scale.back(interval[0]), scale.back(interval[1]))
    return Value(scale.back(sampled.value), ends, count, sampled)


@dataclass(frozen=True, eq=False)
class _Scores:
    """One column of examples' scores."""

    column: Any
    scored: Any
    """(n,) bool: which examples have a score."""
    count: int
    """How many have one."""
    mean: float
    """Over those; nan of none."""

    @classmethod
    def of(cls, column: Any) -> _Scores:
        scored = ~numpy.isnan(column)
        count = int(numpy.count_nonzero(scored))
        total = float(numpy.where(scored, column, 0.0).sum())
        return cls(column, scored, count, total / count if count else math.nan)

    def influence(self, groups: Any) -> Any:
        """Return what each group of examples adds to the mean, (G,), about a sum of 0."""
        centred = numpy.where(self.scored, self.column - self.mean, 0.0) / self.count
        return numpy.bincount(groups, weights=centred)


def _scored(table: PerExample, name: str) -> dict[str, tuple[SplitNumbers, _Scores]]:
    """Return by split the scores of a metric, where it has any."""
    found = {
        split: (one, _Scores.of(one.columns[name]))
        for split, one in table.items()
        if name in one.columns
    }
    return {split: pair for split, pair in found.items() if pair[1].count}


def _sign(metric: MetricRecord, means: Sequence[float]) -> int:
    """Return 1 if a value is the mean of its examples' scores, -1 if exp of minus it, else 0.

    Args:
        metric: with the value.
        means: of the scores, by split.
    """
    if not means or metric.value is None:
        return 0
    mean = float(numpy.mean(means))
    if math.isclose(metric.value, mean, rel_tol=CLOSE, abs_tol=CLOSE):
        return 0 if Scale.of(metric.unit).log else 1
    log = Scale.of(metric.unit).log and metric.value > 0
    return -1 if log and math.isclose(math.log(metric.value), -mean, rel_tol=CLOSE) else 0


def _standard_errors(metrics: Sequence[MetricRecord], scale: Scale) -> Any:
    """Return values' standard errors over questions on their scale; nan where it is not known."""
    ends = [one.ci95 or UNKNOWN for one in metrics]
    if scale.log:
        ends = [
            (scale.to(low), scale.to(high)) if scale.covers((low, high)) else UNKNOWN
            for low, high in ends
        ]
    found = numpy.array(ends)
    return (found[:, 1] - found[:, 0]) / (2 * HALF_WIDTH)


def by_run(value: Value, scale: Scale) -> Mapping[tuple[int, int], float]:
    """Return the runs' own values in the metric's unit, by target seed and seed."""
    if value.sampled is None:
        return {}
    return {
        key: scale.back(float(one))
        for key, one in zip(value.sampled.keys, value.sampled.values, strict=True)
    }
