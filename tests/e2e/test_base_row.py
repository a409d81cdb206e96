"""`--method base`: the model before it learned the task's facts, as a reference row."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def run(main_here, tmp_path: Path):
    """run(*words) -> exit code, record, stderr of a run on the stand-in."""

    def call(*words: Any) -> tuple[int, dict[str, Any], str]:
        command = ("run", "--data", "standin", "--results", tmp_path / "results", "--suite", "none")
        code, out, errors = main_here(*command, "--quiet", "--format", "json", *words)
        return code, json.loads(out) if out else {}, errors

    return call


def tokens_right(record: dict[str, Any], split: str) -> float:
    """Return the share of a split's answer tokens that were predicted, %."""
    value = record["metrics"][f"{split}_success"]["value"]
    return 100 - value if split == "unlearn" else value


def test_the_base_of_a_preset_knows_general_facts_alone(run, main_here, tmp_path):
    micro = ("--model", "micro")
    code, base, errors = run("--method", "base", *micro, "--limit", 8)
    assert code == 0, errors
    _, target, _ = run("--method", "vanilla", *micro, "--limit", 8)
    for split in ("unlearn", "retention"):
        assert tokens_right(base, split) < 60 < tokens_right(target, split)
    assert 0 < base["training"]["examples"] < target["target"]["training"]["examples"]
    assert base["target"]["weights_hash"] == target["training"]["weights_hash"]
    assert base["training"]["weights_hash"] != target["training"]["weights_hash"]
    # No seed, no second training: another one is the same run.
    assert run("--method", "base", *micro, "--seed", 3, "--limit", 8)[1]["run_id"] == base["run_id"]


def test_the_base_of_a_checkpoint_is_the_checkpoint(run, checkpoint):
    folder = checkpoint("llama")
    few = ("--model", folder, "--limit", 2, "--limit-train", 2, "--save-weights")
    few += ("--precision", "float32")  # bfloat16 rounds the weights under an adapter
    for tuning in ("full", "lora"):
        code, record, errors = run("--method", "base", *few, "--tuning", tuning)
        assert code == 0, errors
        assert record["training"]["examples"] == 0
        _, target, _ = run("--method", "vanilla", *few, "--tuning", tuning)
        assert record["metrics"] != target["metrics"]
    _, whole, _ = run("--method", "base", *few, "--tuning", "full")
    assert whole["metrics"] == record["metrics"]  # with a fresh adapter it is the same model


def test_the_base_of_a_given_target_must_be_known(run, checkpoint):
    target = checkpoint("llama")
    few = ("--target", target, "--limit", 2, "--limit-train", 2)
    code, _, errors = run("--method", "base", *few)
    assert code == 2
    assert "--model" in errors
    code, record, errors = run("--method", "base", *few, "--model", target)
    assert code == 0, errors
    assert record["training"]["weights_hash"] == record["target"]["weights_hash"]
