"""What training in bfloat16 ends with is compared with float32's, seed by seed."""

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("bfloat16_quality")


def test_a_difference_is_paired_by_seed(script):
    found = script.compared({0: 10.0, 1: 20.0, 2: 30.0}, {2: 31.0, 1: 22.0, 0: 13.0})
    assert (found["float32"], found["bfloat16"], found["difference"]) == (20.0, 22.0, 2.0)
    # Differences 3, 2 and 1: 4.302653 standard errors of 1 / sqrt(3) on both sides.
    assert found["ci95"] == pytest.approx([2 - 2.484138, 2 + 2.484138], abs=1e-5)
    assert found["within_noise"]
    assert not script.compared({0: 1.0, 1: 2.0}, {0: 3.0, 1: 4.1})["within_noise"]
    assert script.compared({0: 1.0}, {0: 2.0}) is None


@pytest.mark.slow
def test_both_precisions_are_trained(script, environment, tmp_path, monkeypatch):
    out = tmp_path / "quality.json"
    words = ["--model", "micro", "--data", "standin", "--seeds", "2", "--out", str(out)]
    words += ["--method", "gradient-difference", "--set", '{"epochs": 1}']
    monkeypatch.setattr("sys.argv", ["bfloat16_quality.py", *words])
    script.main()
    found = json.loads(out.read_text())["methods"]["gradient-difference"]
    assert found["unlearn_nats"]["difference"] != 0
    assert set(found) == set(script.METRICS)
