"""Two processes that train one model give what one gives."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_two_gloo_processes_give_the_metrics_of_one(cli, real_data, tmp_path):
    words = ["run", "--method", "gradient-difference", "--limit", "24", "--epochs", "3"]
    words += ["--data", str(real_data), "--suite", "none", "--quiet"]
    alone = cli(*words, "--results", tmp_path / "one", "--format", "json")
    assert alone.returncode == 0, alone.stderr
    launch = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "unharness.cli.main")
    together = subprocess.run(
        [sys.executable, *launch, *words, "--results", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert together.returncode == 0, together.stderr
    (path,) = (tmp_path / "two").glob("*/*/gradient-difference/*/run.json")
    one, two = json.loads(alone.stdout), json.loads(path.read_text())
    assert two["provenance"]["hardware"]["processes"] == 2
    assert two["target"]["weights_hash"] == one["target"]["weights_hash"]
    assert two["training"]["losses"] == pytest.approx(one["training"]["losses"], rel=1e-4)
    for name, metric in one["metrics"].items():
        assert two["metrics"][name]["value"] == pytest.approx(metric["value"], rel=1e-4), name
    assert together.stdout.count("gradient-difference ·") == 1  # one of them speaks


def test_a_model_in_parts_is_refused_with_the_reason(cli, tmp_path):
    asked = cli(
        "run",
        "--limit",
        "8",
        "--suite",
        "none",
        "--results",
        tmp_path,
        WORLD_SIZE="2",
        RANK="0",
        ACCELERATE_USE_FSDP="true",
    )
    assert asked.returncode == 2
    assert "FSDP: every process must hold the whole model" in asked.stderr
