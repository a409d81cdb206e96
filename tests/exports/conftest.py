"""One run on micro for all that is exported: an adapter, as it is and quantized."""

import gzip
import json
import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from unharness.records.store import RecordStore, StoredRecord

METHOD = "gradient-difference"
_builder = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))
make_record = _builder["make_record"]


@pytest.fixture(scope="session")
def micro_store(environment: Path, data_folder: Path, tmp_path_factory) -> RecordStore:
    """Records of one adapter, as it is and quantized; workers of pytest share them."""
    from unharness import run

    if "PYTEST_XDIST_WORKER" in os.environ:
        results = tmp_path_factory.getbasetemp().parent / "exported"
    else:
        results = tmp_path_factory.mktemp("exported")
    run(
        METHOD,
        hyperparameters={"epochs": 2},
        model="micro",
        tuning="lora",
        data=str(data_folder),
        results=str(results),
        limit_train=6,
        limit=3,
        suite="none",
        attack=("none", "quantize:bits=4"),
    )
    return RecordStore(results)


@pytest.fixture(scope="session")
def micro_records(micro_store: RecordStore) -> Mapping[str, StoredRecord]:
    """The records of the method by the attack's name."""
    return {
        found.record.spec.attack_name: found
        for found in micro_store.readable()
        if found.record.spec.method == METHOD
    }


def example_lines(found: StoredRecord) -> list[dict[str, Any]]:
    """The evaluated examples beside a record."""
    path = found.folder / found.record.artifacts["examples"]["path"]
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


@pytest.fixture(scope="session")
def lines():
    """lines(found) -> the evaluated examples beside a record."""
    return example_lines
