"""What a row's value is sampled from: its runs, and the questions of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from unharness.errors import RecordError
from unharness.evaluation.metric import PERCENT
from unharness.records.per_example import PerExample, has_per_example, read_per_example
from unharness.records.record import MetricRecord, RunRecord
from unharness.records.store import StoredRecord
from unharness.report.comparable import run_key
from unharness.report.intervals import Sampled
from unharness.report.ranking import Value
from unharness.report.scale import Scale

CLOSE = 1e-4
"""How near a metric's value is to the mean of its examples' scores, if it is their mean."""
HALF_WIDTH = 1.959964
"""Of a 95% interval, in standard errors."""


class NumbersReader:
    """Reads the numbers of records' examples, each file once."""

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
        self._folders[_id(found.record)] = found

    def __call__(self, record: RunRecord) -> PerExample | None:
        """Return the numbers of a record's examples, None where there are none."""
        key = _id(record)
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


def _id(record: RunRecord) -> str:
    return f"{record.run_id} {record.spec.evaluation_id()}"


def value_of(runs: Sequence[RunRecord], name: str, numbers: NumbersReader) -> Value:
    """Return one metric over runs that differ in their seeds, with its interval.

    There is no value where a run has none, or where one is not on the metric's scale.
    """
    metrics = [record.metrics.get(name) for record in runs]
    known = [one for one in metrics if one is not None and one.value is not None]
    count = min((one.n if one else 0 for one in metrics), default=0)
    if not known or len(known) < len(runs):
        return Value(None, None, count)
    scale = Scale.of(known[0].unit)
    values = [float(one.value or 0.0) for one in known]
    if not scale.covers(values):
        return Value(None, None, count)
    sampled = _sampled(runs, name, known, scale, numbers)
    if len(runs) == 1 and not sampled.influences:
        return Value(values[0], known[0].ci95, count, sampled)
    return made_value(sampled, known[0].unit, count)


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


def _sampled(
    runs: Sequence[RunRecord],
    name: str,
    metrics: Sequence[MetricRecord],
    scale: Scale,
    numbers: NumbersReader,
) -> Sampled:
    keys = tuple(map(run_key, runs))
    values = numpy.array([scale.to(float(one.value or 0.0)) for one in metrics])
    influences = _influences(runs, name, metrics, numbers)
    if influences:
        return Sampled(keys, values, influences)
    errors = numpy.array([_standard_error(one, scale) for one in metrics])
    return Sampled(keys, values, question_errors=errors)


def _influences(
    runs: Sequence[RunRecord],
    name: str,
    metrics: Sequence[MetricRecord],
    numbers: NumbersReader,
) -> dict[str, Any]:
    """Return by split what each group of questions adds to each run's value, (K, G).

    Empty where the examples' scores are not known, or the value is not their mean.
    """
    found: dict[str, list[Any]] = {}
    shapes: dict[str, tuple[str, ...]] = {}
    for record, metric in zip(runs, metrics, strict=True):
        table = numbers(record)
        columns = {
            split: (one, one.columns[name])
            for split, one in (table or {}).items()
            if name in one.columns and not numpy.isnan(one.columns[name]).all()
        }
        sign = _sign(metric, [column for _, column in columns.values()])
        if not sign:
            return {}
        for split, (one, column) in columns.items():
            if shapes.setdefault(split, one.examples) != one.examples:
                return {}
            found.setdefault(split, []).append(
                sign * grouped_influence(column, one.groups) / len(columns)
            )
    if any(len(rows) < len(runs) for rows in found.values()):
        return {}
    return {split: numpy.stack(rows) for split, rows in found.items()}


def grouped_influence(column: Any, groups: Any) -> Any:
    """Return what each group of examples adds to the mean of a column, (G,), about a sum of 0."""
    scored = ~numpy.isnan(column)
    centred = numpy.where(scored, column - numpy.nanmean(column), 0.0) / scored.sum()
    return numpy.bincount(groups, weights=centred)


def _sign(metric: MetricRecord, columns: Sequence[Any]) -> int:
    """Return 1 if a value is the mean of its examples' scores, -1 if exp of minus it, else 0."""
    if not columns or metric.value is None:
        return 0
    mean = float(numpy.mean([numpy.nanmean(column) for column in columns]))
    if math.isclose(metric.value, mean, rel_tol=CLOSE, abs_tol=CLOSE):
        return 0 if Scale.of(metric.unit).log else 1
    log = Scale.of(metric.unit).log and metric.value > 0
    return -1 if log and math.isclose(math.log(metric.value), -mean, rel_tol=CLOSE) else 0


def _standard_error(metric: MetricRecord, scale: Scale) -> float:
    """Return a value's standard error over questions on its scale; nan where it is not known."""
    if metric.ci95 is not None and scale.covers(metric.ci95):
        return (scale.to(metric.ci95[1]) - scale.to(metric.ci95[0])) / (2 * HALF_WIDTH)
    return math.nan


def by_run(value: Value, scale: Scale) -> Mapping[tuple[int, int], float]:
    """Return the runs' own values in the metric's unit, by target seed and seed."""
    if value.sampled is None:
        return {}
    return {
        key: scale.back(float(one))
        for key, one in zip(value.sampled.keys, value.sampled.values, strict=True)
    }
