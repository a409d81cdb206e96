"""What is made once stays made: which changes train again, and which do not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def counted(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """counted("--limit", "3") -> the record, and how many trainings the run needed."""
    cache = tmp_path / "cache"

    def run(*words: Any, results: str = "results", method: str = "gradient-difference"):
        before = trainings(cache)
        done = cli(
            *("run", "--method", method, "--model", "micro", "--format", "json", "--quiet"),
            *("--data", "standin", "--results", tmp_path / results, *words),
            UNHARNESS_CACHE=str(cache),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), trainings(cache) - before

    return run


def trainings(cache: Path) -> int:
    """How many models were trained and how many times a method unlearned."""
    return len(list(cache.glob("models/*/manifest.json"))) + len(
        list(cache.glob("unlearned/*/manifest.json"))
    )


def test_changes_of_the_evaluation_train_nothing(counted, tmp_path):
    first, count = counted()
    assert count == 2  # the target, and the method
    limited, count = counted("--limit", "3")
    assert count == 0
    assert limited["run_id"] == first["run_id"]
    assert limited["training"] == first["training"]
    assert limited["metrics"]["retention_success"]["n"] == 3
    assert first["metrics"]["retention_success"]["n"] == 8
    prompted, count = counted("--prompt", "assistant")
    assert count == 0
    assert prompted["run_id"] != first["run_id"]
    assert prompted["training"]["weights_hash"] == first["training"]["weights_hash"]
    _, count = counted("--suite", "general-facts")
    assert count == 0
    again, count = counted(results="elsewhere")
    assert count == 0
    assert again["metrics"] == first["metrics"]
    [file] = (tmp_path / "results").glob(f"*/*/*/{first['run_id']}/run.json")
    assert len(json.loads(file.read_text())["evaluations"]) == 3


def test_changes_of_the_method_train_the_method_alone(counted):
    counted()
    _, count = counted("--set", "retain_weight=3.0")
    assert count == 1
    _, count = counted("--seed", "1")
    assert count == 1
    _, count = counted("--limit-train", "5")
    assert count == 2


def test_settings_train_what_they_decide(counted):
    first, _ = counted()
    shorter, count = counted("--max-new-tokens", "4")
    assert count == 0
    assert shorter["run_id"] == first["run_id"]
    wider, count = counted("--tuning", "lora", "--lora", "r=16")
    assert count == 1  # micro learns by full tuning, whatever comes after it
    assert wider["spec"]["lora"]["r"] == 16
    taught, count = counted("--target-set", "epochs=2", "--target-set", "seed=1")
    assert count == 2
    assert taught["target"]["training"]["steps"] < first["target"]["training"]["steps"]


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_cached_weights_are_those_that_were_trained(counted, tuning):
    first, _ = counted("--tuning", tuning)
    again, count = counted("--tuning", tuning, results="elsewhere")
    assert count == 0
    assert again["training"] == first["training"]
    assert again["metrics"] == first["metrics"]
    assert again["cost"]["train_seconds"] == first["cost"]["train_seconds"]


def test_damaged_weights_are_made_anew(counted, tmp_path):
    first, _ = counted()
    [file] = (tmp_path / "cache").glob("unlearned/*/changed.safetensors")
    content = bytearray(file.read_bytes())
    content[-100:] = bytes(100)
    file.write_bytes(bytes(content))
    again, _ = counted(results="elsewhere")
    assert again["metrics"] == first["metrics"]
    assert again["training"]["weights_hash"] == first["training"]["weights_hash"]


def test_force_unlearns_again(counted, tmp_path):
    counted()
    [folder] = (tmp_path / "cache").glob("unlearned/*/")
    before = folder.stat().st_ctime_ns
    counted("--force")
    assert folder.stat().st_ctime_ns > before


def test_the_least_recently_used_weights_make_room(tmp_path, monkeypatch):
    from unharness.cache import cached_folder
    from unharness.models.unlearned import KIND, make_room

    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    for index, key in enumerate(("aa", "bb", "cc")):
        folder, _ = cached_folder(
            KIND, key, lambda at: (at / "x").write_bytes(bytes(1000)) and None
        )

        os.utime(folder / "manifest.json", (index, index))
    make_room(keep="aa", limit_gb=2.5e-6)
    assert {path.name for path in tmp_path.glob(f"{KIND}/[a-z]*/")} == {"aa", "cc"}
