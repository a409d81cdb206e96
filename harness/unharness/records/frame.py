"""Records as a pandas DataFrame, one row each; pandas is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unharness.errors import UsageError
from unharness.records.record import RunRecord

if TYPE_CHECKING:
    from pandas import DataFrame

LOW, HIGH = ".low", ".high"
"""Ends of the names of an interval's ends."""


def records_frame(records: Iterable[RunRecord]) -> DataFrame:
    """Return a row for each record.

    Columns are what the run is (`method`, `task`, `model`, `seed`, …), `hyperparameters.NAME`, then
    of every metric `LABEL`, `LABEL.low` and `LABEL.high`: value and 95% interval, in its own unit.
    What a record does not have is missing there.

    Raises:
        UsageError: pandas is not installed.
    """
    parts = [(_facts(one), _hyperparameters(one), _metrics(one)) for one in records]
    names = [name for at in range(3) for part in parts for name in part[at]]
    return make_frame([facts | own | metrics for facts, own, metrics in parts], names)


def make_frame(rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> DataFrame:
    """Return a DataFrame of rows by column; each column once, in the order of its first name.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise UsageError("a DataFrame needs pandas: pip install pandas") from None
    return pandas.DataFrame(list(rows), columns=list(dict.fromkeys(columns)))


def _facts(record: RunRecord) -> dict[str, Any]:
    spec, cost = record.spec, record.cost
    return {
        "run_id": record.run_id,
        "evaluation_id": spec.evaluation_id(),
        "status": record.status,
        "partial": record.partial,
        "task": spec.task,
        "data_source": spec.data_source,
        "model": spec.model,
        "tuning": spec.tuning,
        "method": spec.method,
        "seed": spec.seed,
        "target_seed": spec.target_recipe.get("seed"),
        "attack": spec.attack_name,
        "tuned_trials": spec.tuned,
        "started": record.started,
        "train_seconds": cost.train_seconds,
        "peak_memory_gb": cost.peak_memory_gb,
    }


def _hyperparameters(record: RunRecord) -> dict[str, Any]:
    return {f"hyperparameters.{name}": value for name, value in record.spec.config.items()}


def _metrics(record: RunRecord) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for label, metric in record.metrics.items():
        low, high = metric.ci95 or (None, None)
        found |= {label: metric.value, label + LOW: low, label + HIGH: high}
    return found
