"""Scores as a record holds them: each with the metric, version, parameters and split it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unharness.evaluation.columns import Column, CompositeColumn
from unharness.evaluation.metric import Direction, Score
from unharness.records.record import MetricRecord

if TYPE_CHECKING:
    from unharness.evaluation.general import SuiteResult


def metric_records(
    columns: Sequence[Column], scores: Mapping[str, Score]
) -> dict[str, MetricRecord]:
    """Return each column's score as the record holds it."""
    return {
        column.label: _metric_record(
            scores[column.label],
            column.unit,
            column.direction,
            detail=column.detail,
            **_origin(column),
        )
        for column in columns
    }


def are_current(metrics: Mapping[str, MetricRecord], columns: Sequence[Column]) -> bool:
    """Whether a record's numbers are of these columns: same metrics, versions and parameters."""
    nothing = Score(None, 0)
    wanted = metric_records(columns, {column.label: nothing for column in columns})
    return all(
        label in metrics and metrics[label].origin() == one.origin()
        for label, one in wanted.items()
    )


def suite_records(result: SuiteResult) -> dict[str, MetricRecord]:
    """Return a suite's scores as the record holds them."""
    return {
        name: _metric_record(found, "%", "higher", params=result.sampled(name))
        for name, found in result.scores.items()
    }


def recorded_score(found: MetricRecord) -> Score:
    """Return a number of a record as a score; its resamples were not kept."""
    reason = "" if found.value is not None else found.status
    return Score(found.value, found.n, found.n_unscored, found.ci95, found.stderr, reason)


def _metric_record(found: Score, unit: str, direction: Direction, **origin: Any) -> MetricRecord:
    return MetricRecord(
        value=found.value,
        ci95=found.ci95,
        stderr=found.stderr,
        n=found.n,
        n_unscored=found.n_unscored,
        unit=unit,
        direction=direction,
        status=found.reason or "ok",
        **origin,
    )


def _origin(column: Column) -> dict[str, Any]:
    """Return which metric a column is, of what."""
    if isinstance(column, CompositeColumn):
        return {"metric": column.kind, "params": {"of": list(column.of)}}
    return {
        "metric": column.metric.name,
        "version": column.metric.version,
        "params": column.metric.params.model_dump(mode="json"),
        "split": column.split,
        "against": column.against,
        "complement": column.complement,
    }
