"""`unharness run --profile` leaves traces beside the record and prints where time went."""

import gzip
import json

import pytest

pytestmark = pytest.mark.slow

WORDS = ("--model", "micro", "--data", "standin", "--suite", "none", "--epochs", 1, "--limit", 2)


def test_a_profiled_run(call, tmp_path):
    command = ("run", *WORDS, "--method", "gradient-ascent", "--results", tmp_path)
    code, _, errors = call(*command, "--profile")
    assert code == 0, errors
    assert "dearest stages" in errors
    assert "unlearn (gradient-ascent)" in errors
    assert "dearest operators of torch" in errors
    [record] = tmp_path.glob("*/*/gradient-ascent/*/run.json")
    [trace] = record.parent.glob("profile/*unlearn-gradient-ascent.json.gz")
    assert f"trace   {trace}" in errors
    with gzip.open(trace) as file:
        assert json.load(file)["traceEvents"]
    [evaluation] = json.loads(record.read_text())["evaluations"].values()
    assert not any("profile" in name for name in evaluation["artifacts"])
    code, _, errors = call(*command, "--profile")
    assert code == 0
    assert "nothing is profiled" in errors
    assert trace.is_file()
    # Trained again, its traces are those of the new run.
    code, output, errors = call(*command, "--profile", "--force", "--quiet")
    assert (code, output, errors) == (0, "", "")
    assert len(list(record.parent.glob("profile/*"))) == 1
