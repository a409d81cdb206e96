"""On a CPU two runs of one spec do not differ at all."""

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_cpu_has_no_noise(environment, tmp_path, monkeypatch):
    out = tmp_path / "noise.json"
    words = ["--model", "micro", "--data", "standin", "--device", "cpu", "--out", str(out)]
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr("sys.argv", ["noise_floor.py", *words])
    importlib.import_module("noise_floor").main()
    found = json.loads(out.read_text())
    assert found["same_weights"]
    assert set(found["largest_difference"].values()) <= {0.0, None}
