"""Makes real records; the conftest of each folder that compares records takes its fixtures here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest

from unharness.records.artifacts import write_per_example
from unharness.records.per_example import NAME, SplitNumbers, example_key, group_indices
from unharness.records.record import CostRecord, DataRecord, MetricRecord, RunRecord
from unharness.records.spec import FACTS, EvaluationSettings, RunSpec
from unharness.records.stage_specs import IDENTITY_VERSION, RuntimeFacts
from unharness.records.store import RecordStore

Columns = Mapping[str, Mapping[str, Sequence[float]]]
UNITS = {"unlearn_ppl": "perplexity", "retention_ppl": "perplexity"}
DIRECTIONS = {
    **dict.fromkeys(("unlearn_rouge_l", "unlearn_rouge_l_forced"), "lower"),
    "retention_ppl": "lower",
    "mia": "match_reference",
}
DATA_HASH = "ab" * 32


def metric_record(name: str, given: Any) -> MetricRecord:
    """From a value, from (value, low, high), or from None: no value."""
    value, *ends = given if isinstance(given, tuple) else (given,)
    return MetricRecord(
        value=value,
        ci95=tuple(ends) if ends else None,
        n=0 if value is None else 110,
        unit=UNITS.get(name, "%"),
        direction=DIRECTIONS.get(name, "higher"),
        status="ok" if value is not None else "no example could be scored",
    )


def build_record(
    method: str = "memflex",
    metrics: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    config: dict[str, Any] | None = None,
    **changes: Any,
) -> RunRecord:
    """Make a finished record. `changes` names fields of RunSpec, or else of RunRecord."""
    if metrics is None:
        metrics = {"success_avg": (70.0, 65.0, 75.0)}
    spec: dict[str, Any] = {
        "task": "knowundo-privacy",
        "task_version": 1,
        "data_hash": DATA_HASH,
        "limit": None,
        "base_hash": "cd" * 32,
        "tuning": "full",
        "target_tuning": "full",
        "lora": None,
        "target_recipe": {"epochs": 22, "lr": 0.004},
        "method": method,
        "method_version": 1,
        "config": config or {},
        "seed": seed,
        "dtype": "float32",
        "evaluation": EvaluationSettings(metrics=tuple(metrics), engine="hf"),
        "model": "tiny",
        "data": "auto",
        "data_source": "path",
        "device": "cpu",
        "results": "results",
    }
    for name in set(changes) & {*FACTS, *RuntimeFacts.model_fields}:
        spec[name] = changes.pop(name)
    spec.setdefault("learned", {"all": spec["data_hash"]})
    made = RunSpec.of(**spec)
    fields: dict[str, Any] = {
        "run_id": made.run_id(),
        "identity_version": IDENTITY_VERSION,
        "status": "done",
        "partial": made.limit is not None,
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:01:00+00:00",
        "spec": made,
        "data": DataRecord(
            source=made.data_source,
            description="../shared/data",
            hash=made.data_hash,
            splits={"forget_eval": {"n": 110, "hash": "ef" * 32}},
        ),
        "metrics": {name: metric_record(name, given) for name, given in metrics.items()},
        "cost": CostRecord(train_seconds=10.0 + made.seed, trainable_parameters=1000),
    }
    return RunRecord(**(fields | changes))


def put_numbers(
    store: RecordStore, record: RunRecord, columns: Columns, groups: Sequence[str] = ()
) -> None:
    """Save a record with the scores of its examples: by split and column, one an example."""
    numbers = {
        split: SplitNumbers(
            role="forget" if split.startswith("forget") else "retain",
            examples=tuple(example_key(f"{split}/{at}") for at in range(count)),
            groups=group_indices(groups or [""] * count),
            columns={name: numpy.array(values) for name, values in found.items()},
            answers={},
        )
        for split, found in columns.items()
        for count in [len(next(iter(found.values())))]
    }
    folder = store.folder(record.spec)
    folder.mkdir(parents=True, exist_ok=True)
    record.artifacts[NAME] = write_per_example(folder, numbers)
    store.save(record)


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    return build_record


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "results")


@pytest.fixture
def save_numbers(store: RecordStore) -> Callable[[RunRecord, Columns], None]:
    """save_numbers(record, columns) saves it with the scores of its examples."""
    return partial(put_numbers, store)


@pytest.fixture
def save(store: RecordStore) -> Callable[..., RecordStore]:
    """save(record, …) -> the store that now holds them."""

    def write(*records: RunRecord) -> RecordStore:
        for record in records:
            store.save(record)
        return store

    return write
