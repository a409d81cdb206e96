"""Two processes that train one model give what one gives."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WORDS = ("--limit-train", "12", "--epochs", "2", "--suite", "none", "--quiet")
DATA_PARALLEL: dict[str, str] = {}
FSDP = {"ACCELERATE_USE_FSDP": "true"}  # what `accelerate launch --use_fsdp` sets


@pytest.mark.parametrize(
    ("launch", "method"),
    [
        (DATA_PARALLEL, ("--method", "gradient-difference")),
        # It reads gradients while it trains, so here it must ask for whole ones.
        (FSDP, ("--method", "memflex", "--set", "localise=every-step")),
    ],
    ids=["data parallel", "FSDP"],
)
def test_two_gloo_processes_give_the_metrics_of_one(cli, data_folder, tmp_path, launch, method):
    words = ["run", *method, *WORDS, "--data", str(data_folder)]
    alone = cli(*words, "--results", tmp_path / "one", "--format", "json")
    assert alone.returncode == 0, alone.stderr
    command = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "unharness.cli.main")
    together = subprocess.run(
        [sys.executable, *command, *words, "--results", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **launch},
        check=False,
    )
    assert together.returncode == 0, together.stderr
    (path,) = (tmp_path / "two").glob(f"*/*/{method[1]}/*/run.json")
    one, two = json.loads(alone.stdout), json.loads(path.read_text())
    hardware = two["provenance"]["hardware"]
    assert (hardware["processes"], hardware["sharded"]) == (2, launch == FSDP)
    assert two["target"]["weights_hash"] == one["target"]["weights_hash"]
    assert two["training"]["losses"] == pytest.approx(one["training"]["losses"], rel=1e-4)
    for name, metric in one["metrics"].items():
        assert two["metrics"][name]["value"] == pytest.approx(metric["value"], rel=1e-4), name
    assert together.stdout.count(f"{method[1]} ·") == 1  # one of them speaks


def test_what_is_not_supported_is_refused(cli, tmp_path):
    launched = {"WORLD_SIZE": "2", "RANK": "0", "ACCELERATE_USE_DEEPSPEED": "true"}
    asked = cli("run", "--limit-train", "8", "--suite", "none", "--results", tmp_path, **launched)
    assert asked.returncode == 2
    assert "DeepSpeed is not supported; launch with FSDP" in asked.stderr
