"""Records as a DataFrame."""

import builtins
import math
import runpy
from pathlib import Path

import pytest

from unharness import Records, load_records
from unharness.errors import UsageError

_builder = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))
build_record, store = _builder["build_record"], _builder["store"]


def test_one_row_a_run_with_hyperparameters_and_intervals():
    frame = Records(
        [
            build_record("kl", {"a": (70.0, 65.0, 75.0)}, seed=1, config={"lr": 0.1}),
            build_record("npo", {"a": 50.0, "b": (1.0, 0.5, 2.0)}, config={"beta": 0.5}),
        ]
    ).to_frame()
    assert list(frame.method) == ["kl", "npo"]
    assert list(frame.seed) == [1, 0]
    assert list(frame.columns)[-8:] == [
        *("hyperparameters.lr", "hyperparameters.beta"),
        *("a", "a.low", "a.high", "b", "b.low", "b.high"),
    ]
    kl, npo = frame.to_dict("records")
    assert (kl["a"], kl["a.low"], kl["a.high"]) == (70.0, 65.0, 75.0)
    assert math.isnan(kl["b"])
    assert (npo["b.low"], npo["b.high"]) == (0.5, 2.0)
    assert math.isnan(npo["a.low"])
    assert kl["hyperparameters.lr"] == 0.1


def test_no_records_are_an_empty_frame():
    assert len(Records().to_frame()) == 0


def test_records_of_a_folder(store):
    record = build_record()
    store.save(record)
    found = load_records(store.root)
    assert found == [record]
    assert list(found.to_frame().run_id) == [record.run_id]


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="pip install pandas"):
        Records([build_record()]).to_frame()
