"""`unharness data fetch`: a task's data from the hub into the cache."""

from pathlib import Path

import pytest

from unharness.data.named_task import make_task
from unharness.data.sources import DataSource
from unharness.registry import registry

COMMIT, LATER = "c" * 40, "d" * 40
DATASET = "zjunlp/KnowUnDo"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_fetched_is_found_by_a_run(cache, fake_hub, call, monkeypatch):
    fake_hub.commits |= {DATASET: COMMIT, f"{DATASET}@later": LATER}
    for split in ("unlearn", "retention"):
        pairs = {
            half: [{"text": f"{split} {half} {n}?", "labels": f"Answer {n}."} for n in range(3)]
            for half in ("train", "val")
        }
        fake_hub.rows[DATASET, split] = [pairs]
    code, out, errors = call("data", "fetch", "knowundo-privacy")
    assert (code, errors) == (0, "")
    folder = cache / "data" / "knowundo" / "privacy"
    assert out.startswith(f"{folder}: hub dataset {DATASET}")
    assert COMMIT in out
    assert (folder / "unlearn_train.json").is_file()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    origin = make_task("knowundo-privacy", registry()).load(DataSource()).origin
    assert (origin.source, origin.revision) == ("cache", COMMIT)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    code, _, errors = call("data", "fetch", "knowundo-privacy", "--revision", "later")
    assert code == 0
    assert f"holds {COMMIT}, and {LATER} was asked for; remove the folder" in errors


def test_offline_and_without_a_dataset_there_is_one_line(cache, call):
    code, out, errors = call("data", "fetch", "tofu:fraction=05")
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1
    assert "HF_HUB_OFFLINE is set; give --data FOLDER" in errors
    code, _, errors = call("data", "fetch", "files")
    assert (code, "files is not on the hub" in errors) == (1, True)
    code, _, errors = call("data", "fetch", "tofuu")
    assert (code, "Did you mean tofu" in errors) == (2, True)
