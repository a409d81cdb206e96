"""Metrics computed again from stored observations, without the model. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unharness.cache import locked
from unharness.data.named_task import make_task
from unharness.errors import RecordError
from unharness.evaluation.answers import answers_record
from unharness.evaluation.columns import MetricColumn, is_general
from unharness.evaluation.example_numbers import example_numbers
from unharness.evaluation.metric_records import metric_records, recorded_score
from unharness.evaluation.requests import Generated, Likelihood, Observation
from unharness.evaluation.scoring import example_rows, score
from unharness.evaluation.storage import StoredObservations
from unharness.evaluation.uses import uses_of
from unharness.named_settings import bare_name
from unharness.pipeline.added_metrics import columns_with_added
from unharness.pipeline.reference_observations import reference_observations
from unharness.records.artifacts import observations_path, write_examples, write_per_example
from unharness.records.per_example import NAME as PER_EXAMPLE
from unharness.records.per_example import PerExample, read_per_example
from unharness.records.record import RankingRecord, RunRecord
from unharness.records.store import RecordStore, StoredRecord
from unharness.registry import Registry


@dataclass(frozen=True)
class Rescored:
    """What became of a record."""

    record: RunRecord
    added: tuple[str, ...]
    """Columns that it did not have."""
    changed: tuple[str, ...]
    """Columns that are of another version, of other parameters, or have another value."""
    missing: tuple[str, ...]
    """Columns without a value."""


def _of_general(found: StoredRecord) -> PerExample:
    """Return what the questions of general knowledge gave, which is not computed anew."""
    try:
        kept = read_per_example(*found)
    except RecordError:  # of a record from before they were kept, or damaged: nothing to keep
        return {}
    return {name: one for name, one in kept.items() if is_general(name)}


def _added_before(record: RunRecord, registry: Registry) -> list[str]:
    """Return the metrics that a user added to a record; those of plugins that are gone do not."""
    known = registry.names("metrics")
    texts = record.passed.get("metric") or []
    return [text for text in texts if bare_name(text.partition("@")[0]) in known]


def rescore(
    found: StoredRecord, store: RecordStore, registry: Registry, added: Sequence[str] = ()
) -> Rescored:
    """Compute what the task measures today from what was observed, and save the record.

    General knowledge stays as it is. A column whose observations were not stored keeps the value
    it has, if that is of the same metric, version and parameters. Metrics that a user added to the
    record before are computed as well.

    Args:
        found: the record.
        store: where it is, and the records that it is compared with.
        registry: knows tasks and metrics.
        added: metrics that the task does not use, as after `--metric`; the record keeps them.

    Raises:
        RecordError: the run is not done, its observations are missing or damaged, or the record
            cannot be written.
        UsageError, PluginError: the task cannot be used.
    """
    record, folder = found
    path = observations_path(record, folder) if record.status == "done" else None
    if path is None:
        raise RecordError(f"{record.run_id}: no observations are stored; run it again with --force")
    stored = StoredObservations(path)
    task = make_task(record.spec.task, registry)
    with registry.named("tasks", task.name):
        uses, ranking = uses_of(task, registry), RankingRecord.of(task)
    more = tuple(dict.fromkeys([*_added_before(record, registry), *added]))
    columns = columns_with_added(uses, more, stored.splits, registry)
    requests: list[Observation] = [Likelihood(), Generated()]
    requests += [one.metric.observes() for one in columns if isinstance(one, MetricColumn)]
    observations = stored.load(requests, record.spec.evaluation.bootstrap_seed)
    references = reference_observations(columns, record, observations, store, registry)
    general = {name: one for name, one in record.metrics.items() if one.metric is None}
    measured = {name: recorded_score(one) for name, one in general.items()}
    scores = score(columns, observations, registry, references, measured)
    metrics = metric_records(columns, scores)
    for label, new in metrics.items():
        old = record.metrics.get(label)
        if new.value is None and old and old.value is not None and old.origin() == new.origin():
            metrics[label] = old
    before = record.metrics
    with locked(store.lock(record.spec)):
        statuses = {one.status for one in before.values()}
        faults = [one.reason for one in scores.values() if one.faulty]
        record = record.model_copy(deep=True)
        evaluation = record.spec.evaluation.model_copy(update={"metrics": tuple(metrics)})
        record.spec = record.spec.changed(evaluation=evaluation)
        record.ranking = ranking
        if more:
            record.passed["metric"] = list(more)
        record.answers = answers_record(observations)
        record.metrics = metrics | {k: v for k, v in general.items() if k not in metrics}
        record.warnings = [text for text in record.warnings if text not in statuses] + faults
        try:
            rows = example_rows(observations, scores)
            record.artifacts["examples"] = write_examples(folder, rows)
            numbers = {**example_numbers(observations, scores), **_of_general(found)}
            record.artifacts[PER_EXAMPLE] = write_per_example(folder, numbers)
        except OSError as error:
            raise RecordError(f"{folder}: the record cannot be written ({error})") from error
        store.save(record)
        store.tidy(record.spec)
    return Rescored(
        record,
        added=tuple(label for label in metrics if label not in before),
        changed=tuple(
            label for label, new in metrics.items() if label in before and before[label] != new
        ),
        missing=tuple(label for label, new in metrics.items() if new.value is None),
    )
