"""What is made once stays made: which changes train again, and which do not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TAUGHT = ("--target-set", "epochs=4")  # what the target knows is not the point
Counted = Callable[..., tuple[dict[str, Any], int]]


@pytest.fixture(scope="session")
def counting(cli):
    """counting(folder)("--limit", "3") -> the record, and how many trainings the run needed."""

    def within(folder: Path) -> Counted:
        cache = folder / "cache"

        def run(
            *words: Any,
            results: str = "results",
            method: str = "gradient-difference",
            taught: tuple[str, ...] = TAUGHT,
        ):
            before = trainings(cache)
            done = cli(
                *("run", "--method", method, "--model", "micro", "--format", "json", "--quiet"),
                *("--data", "standin", "--results", folder / results, *taught, *words),
                UNHARNESS_CACHE=str(cache),
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout), trainings(cache) - before

        return run

    return within


@pytest.fixture(scope="module")
def begun(counting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cache and the record of a first run."""
    folder: Path = tmp_path_factory.mktemp("begun")
    _, count = counting(folder)()
    assert count == 2  # the target, and the method
    return folder


@pytest.fixture
def counted(begun: Path, counting, tmp_path: Path) -> Counted:
    """Count within a copy of it, so that the first run and its target are made once."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return counting(tmp_path)


def trainings(cache: Path) -> int:
    """How many models were trained and how many times a method unlearned."""
    return len(list(cache.glob("models/*/manifest.json"))) + len(
        list(cache.glob("unlearned/*/manifest.json"))
    )


def test_changes_of_the_evaluation_train_nothing(counted, tmp_path):
    first, count = counted()
    assert count == 0
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
    _, count = counted("--suite", "general-facts", "--limit", "3")
    assert count == 0
    again, count = counted(results="elsewhere")
    assert count == 0
    assert again["metrics"] == first["metrics"]
    [file] = (tmp_path / "results").glob(f"*/*/*/{first['run_id']}/run.json")
    assert len(json.loads(file.read_text())["evaluations"]) == 3


def test_changes_of_the_method_train_the_method_alone(counted):
    counted()
    few = ("--limit", "1")  # what is evaluated is not the point
    _, count = counted("--set", "retain_weight=3.0", *few)
    assert count == 1
    _, count = counted("--seed", "1", *few)
    assert count == 1
    _, count = counted("--limit-train", "5", *few)
    assert count == 2


def test_settings_train_what_they_decide(counted):
    first, _ = counted()
    shorter, count = counted("--max-new-tokens", "4")
    assert count == 0
    assert shorter["run_id"] == first["run_id"]
    wider, count = counted("--tuning", "lora", "--lora", "r=16")
    assert count == 1  # micro learns by full tuning, whatever comes after it
    assert wider["spec"]["lora"]["r"] == 16
    other = ("--target-set", "epochs=2", "--target-set", "seed=1")
    taught, count = counted(taught=other)
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
    from unharness.cache_limit import UNLEARNED, make_room

    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    for index, key in enumerate(("aa", "bb", "cc")):
        folder, _ = cached_folder(
            UNLEARNED, key, lambda at: (at / "x").write_bytes(bytes(1000)) and None
        )
        os.utime(folder / "manifest.json", (index, index))
    state = tmp_path / "trainings" / "dd-1" / "00000007"
    state.mkdir(parents=True)
    (state / "manifest.json").write_bytes(bytes(1000))
    os.utime(state / "manifest.json", (1.5, 1.5))
    make_room(keep=tmp_path / UNLEARNED / "aa", limit_gb=2.5e-6)
    assert {path.name for path in tmp_path.glob(f"{UNLEARNED}/[a-z]*/")} == {"aa", "cc"}
    assert not state.parent.exists()


TASK = """
import json, os
from unharness import (
    DataOrigin, Example, FineTuneConfig, Generated, Metric, MetricUse, Split, Task, TaskData,
    hookimpl,
)

def rows(kind):
    return tuple(
        Example(
            f"{kind}{i}", f"Where does {kind} number {i} live?", f"In street {i * 7} of {kind}ham.",
            alternatives={"perturbed": (f"In street {i} {os.environ['PERTURBED']}.",)},
        )
        for i in range(6)
    )

class Own(Task):
    name = summary = "own"
    headline = "kept"
    metrics = [
        MetricUse("token_accuracy", "forget", label="known"),
        MetricUse("token_accuracy", "retain", label="kept"),
    ]
    if os.environ.get("SAMPLES"):
        metrics.append(MetricUse("length", "forget", label="length", n=int(os.environ["SAMPLES"])))

    def load(self, source):
        splits = [
            Split(
                role, role, learned=True, trainable=True, evaluated=True, examples=rows(role)
            )
            for role in ("forget", "retain")
        ]
        return TaskData.of(splits, DataOrigin("path", "made up"))

    def target_recipe(self, model):
        return FineTuneConfig(epochs=8, lr=3e-3, batch_size=4)

class Length(Metric):
    name = summary = "length"
    unit, direction = "characters", "lower"

    class Params(Metric.Params):
        n: int = 1

    def observes(self):
        return Generated(samples=self.params.n, temperature=1.0)

    def compute(self, seen, references):
        samples = [seen.texts(sample) for sample in range(self.params.n)]
        return seen.mean([sum(map(len, texts)) / len(texts) for texts in zip(*samples)])

@hookimpl
def unharness_metrics():
    return [Length]

@hookimpl
def unharness_tasks():
    return [Own]
"""


@pytest.fixture
def own_task(tmp_path: Path) -> str:
    """What PYTHONPATH must be for a task whose data and metrics the environment changes."""
    about = tmp_path / "site" / "own-1.0.dist-info"
    about.mkdir(parents=True)
    (tmp_path / "site" / "own_plugin.py").write_text(TASK)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unharness]\nown = own_plugin\n")
    found = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.pathsep.join(found)


def test_what_only_the_evaluation_reads_trains_nothing(cli, own_task, tmp_path):
    cache = tmp_path / "cache"

    def run(**variables: str) -> tuple[dict[str, Any], int]:
        before = trainings(cache)
        done = cli(
            *("run", "--task", "own", "--method", "gradient-difference", "--model", "micro"),
            *("--quiet", "--format", "json", "--suite", "none", "--results", tmp_path / "results"),
            UNHARNESS_CACHE=str(cache),
            PYTHONPATH=own_task,
            **{"PERTURBED": "again", **variables},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), trainings(cache) - before

    first, count = run()
    assert count == 2  # the target, and the method
    changed, count = run(PERTURBED="of another town")
    assert count == 0
    assert changed["data"]["hash"] != first["data"]["hash"]
    assert changed["training"] == first["training"]
    one, count = run(SAMPLES="1")
    assert count == 0
    assert "length" in one["metrics"]
    three, count = run(SAMPLES="3")
    assert count == 0
    assert three["metrics"]["length"]["params"] == {"n": 3}
    assert three["run_id"] == one["run_id"] == first["run_id"] == changed["run_id"]


def test_another_bootstrap_trains_nothing(tmp_path, monkeypatch):
    from dataclasses import replace

    from unharness.pipeline.resolve import resolve
    from unharness.pipeline.run import execute
    from unharness.progress import Progress
    from unharness.registry import registry
    from unharness.request import make_request

    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    given = {"method": "gradient-difference", "model": "micro", "data": "standin"}
    given |= {"target_set": {"epochs": 4}}
    plan = resolve(make_request({**given, "results": str(tmp_path / "results")}), registry())
    first = execute(plan, registry(), Progress()).record
    before = trainings(tmp_path / "cache")
    settings = plan.spec.evaluation.model_copy(update={"bootstrap_seed": 1})
    other = replace(plan, spec=plan.spec.changed(evaluation=settings))
    second = execute(other, registry(), Progress()).record
    assert trainings(tmp_path / "cache") == before
    assert second.run_id == first.run_id
    name = "unlearn_success"
    assert second.metrics[name].value == first.metrics[name].value
    assert second.metrics[name].ci95 != first.metrics[name].ci95
