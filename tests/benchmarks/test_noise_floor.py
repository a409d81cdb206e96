"""On a CPU two runs of one spec do not differ at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "noise_floor.py"


@pytest.mark.slow
def test_a_cpu_has_no_noise(environment, tmp_path):
    out = tmp_path / "noise.json"
    words = ["--model", "micro", "--data", "standin", "--device", "cpu", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["same_weights"]
    assert set(found["largest_difference"].values()) <= {0.0, None}
