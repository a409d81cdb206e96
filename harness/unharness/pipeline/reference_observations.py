"""What was observed of a run's reference models: its base, its target, the retrained one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unharness.errors import PluginError, RecordError
from unharness.evaluation.columns import Column, reference_columns
from unharness.evaluation.scoring import Observations
from unharness.evaluation.storage import StoredObservations
from unharness.records.artifacts import observations_path
from unharness.records.record import RunRecord
from unharness.records.spec import RunSpec
from unharness.records.store import RECORD_FILE, RecordStore, StoredRecord, read_records
from unharness.reference_rows import method_of
from unharness.registry import Registry


def reference_observations(
    columns: Sequence[Column],
    record: RunRecord,
    own: Observations,
    store: RecordStore,
    registry: Registry,
) -> dict[str, list[Observations]]:
    """Return what was observed of the reference models, for the columns that ask for them.

    Reference rows are finished records in the same results folder: of the same data, target and
    way to evaluate, one a seed. One whose observations are missing or damaged is left out. A
    reference row counts among its references.

    Args:
        columns: what is measured.
        record: the run's, finished or not.
        own: what was observed of the run itself.
        store: where its results folder is.
        registry: knows which methods make the reference rows.
    """
    seed = record.spec.evaluation.bootstrap_seed
    found: dict[str, list[Observations]] = {}
    for name, asking in reference_columns(columns).items():
        requests = [column.metric.observes() for column in asking]
        try:
            method = method_of(name, registry)
        except PluginError:  # no plugin makes this row: its columns alone have no value
            continue
        for row in _rows(method, record, store):
            if row.record is record:
                found.setdefault(name, []).append(own)
                continue
            try:
                path = observations_path(*row)
                if path is not None:
                    read = StoredObservations(path).load(requests, seed)
                    found.setdefault(name, []).append(read)
            except RecordError:
                continue
    return found


def _rows(method: str, record: RunRecord, store: RecordStore) -> Iterator[StoredRecord]:
    """Yield a method's records of the same target, one a seed, in the order of the seeds."""
    folder = store.folder(record.spec)
    rows: dict[int, StoredRecord] = {}
    if record.spec.method == method:
        rows[record.spec.seed] = StoredRecord(record, folder)
    # Its folders alone are read: a results folder may hold thousands of records.
    for path in sorted(folder.parents[1].glob(f"{method}/*/{RECORD_FILE}")):
        try:
            found = read_records(path)
        except RecordError:
            continue
        for other in found:
            if other.status == "done" and _comparable(record, other):
                rows.setdefault(other.spec.seed, StoredRecord(other, path.parent))
    yield from (rows[seed] for seed in sorted(rows))


def _comparable(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs are of one target, attacked and observed in one way."""
    weights = {run.target.weights_hash for run in (one, other) if run.target}
    return len(weights) <= 1 and all(
        first == second
        for first, second in zip(_shared(one.spec), _shared(other.spec), strict=True)
    )


def _shared(spec: RunSpec) -> tuple[object, ...]:
    observe = spec.observe.model_dump(exclude={"attacked", "suite"})
    return spec.target, spec.attacks, observe
