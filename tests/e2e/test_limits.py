"""What `--limit` and `--limit-train` leave out, and what is said of a target that knows nothing."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MICRO = ("--model", "micro", "--quiet", "--format", "json")


def run(cli, results: Path, data: Path, *words: str) -> dict:
    done = cli("run", *MICRO, "--data", data, "--results", results, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_limit_trims_the_evaluation_alone(cli, data_folder, tmp_path):
    whole = run(cli, tmp_path, data_folder, "--method", "gradient-ascent")
    limited = run(cli, tmp_path, data_folder, "--method", "gradient-ascent", "--limit", "3")
    assert limited["target"]["weights_hash"] == whole["target"]["weights_hash"]
    assert limited["training"]["weights_hash"] == whole["training"]["weights_hash"]
    assert limited["training"]["examples"] == whole["training"]["examples"] > 3
    assert whole["metrics"]["retention_success"]["n"] == 8
    assert limited["metrics"]["retention_success"]["n"] == 3
    assert limited["partial"]
    assert not whole["partial"]


def test_limit_train_trims_what_is_learned_and_what_is_unlearned(cli, data_folder, tmp_path):
    record = run(cli, tmp_path, data_folder, "--method", "gradient-ascent", "--limit-train", "4")
    assert {split["n"] for split in record["data"]["splits"].values()} == {4}
    assert record["metrics"]["retention_success"]["n"] == 4
    assert record["partial"]


def test_micro_learns_its_facts(cli, data_folder, tmp_path):
    record = run(cli, tmp_path, data_folder, "--method", "vanilla")
    assert record["metrics"]["unlearn_success"]["value"] < 10
    assert record["metrics"]["retention_success"]["value"] > 90
    assert record["warnings"] == []


def test_a_target_that_never_learned_is_said_and_its_loops_are_not(cli, data_folder, tmp_path):
    recipe = ("--limit-train", "1", "--method", "gradient-ascent", "--target-set", "epochs=1")
    record = run(cli, tmp_path, data_folder, *recipe)
    said = [text for text in record["warnings"] if "never learned its facts" in text]
    assert said, record["warnings"]
    assert "forget_eval" in said[0]
    assert not any("loops" in text for text in record["warnings"])
