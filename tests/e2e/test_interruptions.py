"""What is left behind when a run fails, is interrupted, or meets another."""

import json
import signal
import textwrap
import time
from pathlib import Path

import pytest

import unharness
from unharness.records.store import read_records

pytestmark = pytest.mark.slow

# Methods that misbehave, as somebody's installed plugin: found through real entry points.
PLUGIN = """
import os, time
from pathlib import Path
from unharness import LossMethod, hookimpl, sequence_nll

class _Ascent(LossMethod):
    summary = "Misbehaves."
    def loss(self, model, batch):
        return -sequence_nll(model, batch["forget"]).mean()

class Nan(_Ascent):
    name = "to-nan"
    def loss(self, model, batch):
        return super().loss(model, batch) * float("nan")

class NoGradient(_Ascent):
    name = "no-gradient"
    def loss(self, model, batch):
        return super().loss(model, batch).detach()

class Bug(_Ascent):
    name = "bug"
    def loss(self, model, batch):
        return [][0]

class Nothing(_Ascent):
    name = "nothing"
    def loss(self, model, batch):
        return 0.0 * super().loss(model, batch)

class Slow(_Ascent):
    name = "slow"
    def loss(self, model, batch):
        if place := os.environ.get("UNDER_WAY"):
            Path(place).touch()
        time.sleep(1.0)
        return super().loss(model, batch)

@hookimpl
def unharness_methods():
    return [Nan, NoGradient, Bug, Nothing, Slow]

@hookimpl
def unharness_step(run_id, step, values):
    raise RuntimeError("a listener that breaks")
"""


# What the target knows and says is not the point: it is taught briefly.
SHORT = ("--target-set", "epochs=2", "--max-new-tokens", "8")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """A folder to be put on the path: an installed distribution with one plugin."""
    root = tmp_path_factory.mktemp("site")
    (root / "misbehaving.py").write_text(textwrap.dedent(PLUGIN))
    info = root / "misbehaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unharness]\nmisbehaving = misbehaving\n")
    return root


@pytest.fixture
def few(cli, plugin, checkpoint, data_folder, tmp_path):
    """Run a misbehaving method on a small model and few examples."""

    def call(method, *words):
        given = [
            "--model",
            checkpoint("qwen2"),
            "--suite",
            "none",
            "--data",
            data_folder,
            "--limit-train",
            "4",
        ]
        given += ["--results", tmp_path, "--epochs", "1", "--quiet", *SHORT, *words]
        return cli("run", "--method", method, *given, PYTHONPATH=str(plugin))

    return call


def only_record(folder, method):
    paths = list(Path(folder).glob(f"*/*/{method}/*/run.json"))
    assert len(paths) == 1
    [record] = read_records(paths[0])
    return record.model_dump(mode="json")


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("to-nan", "the loss is nan"),
        ("no-gradient", "has no gradient"),
        ("bug", "IndexError"),
    ],
)
def test_failure_is_recorded_with_its_reason(few, tmp_path, method, reason):
    done = few(method)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    record = only_record(tmp_path, method)
    assert record["status"] == "failed"
    assert reason in record["error"]
    assert record["metrics"] == {}


def test_failed_run_is_run_again(few, tmp_path):
    assert few("to-nan").returncode == 1
    assert few("to-nan").returncode == 1


def test_unchanged_weights_and_broken_listener_are_warned_of(few, tmp_path):
    done = few("nothing")
    assert done.returncode == 0, done.stderr
    warnings = only_record(tmp_path, "nothing")["warnings"]
    assert "the weights did not change" in warnings
    assert sum("a listener that breaks" in warning for warning in warnings) == 1


@pytest.fixture
def start(begin, plugin, checkpoint, data_folder):
    """start(results, *words) -> a run of the slow method that is under way."""

    def call(results, *words, **how):
        given = ["--model", checkpoint("qwen2"), "--suite", "none", "--data", data_folder]
        given += ["--limit-train", "8", "--batch-size", "1", "--results", results]
        given += ["--quiet", "--format", "json", *SHORT, *words]
        return begin("run", "--method", "slow", *given, PYTHONPATH=str(plugin), **how)

    return call


def wait_for(condition):
    deadline = time.time() + 120
    while not condition():
        assert time.time() < deadline, "the run never began"
        time.sleep(0.1)


def wait_for_record(results):
    wait_for(lambda: list(Path(results).glob("*/*/slow/*/run.json")))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interruption_leaves_no_half_record(name, start, tmp_path):
    results, cache = tmp_path / "results", tmp_path / "cache"  # other tests fill the common one
    process = start(results, UNHARNESS_CACHE=str(cache))
    wait_for_record(results)
    time.sleep(2)
    process.send_signal(getattr(signal, name))
    done = process.result(60)
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(results.glob("*/*/slow"))
    leftovers = [path for path in cache.glob("models/.*-*") if path.is_dir()]
    assert leftovers == []


def test_kill_leaves_a_running_record_that_is_never_ranked(start, tmp_path, cli):
    process = start(tmp_path)
    wait_for_record(tmp_path)
    process.send_signal(signal.SIGKILL)
    assert process.result(60).returncode == -signal.SIGKILL
    assert only_record(tmp_path, "slow")["status"] == "running"
    done = cli("leaderboard", "--results", tmp_path, "--format", "json")
    assert done.returncode == 0
    assert "slow" not in {row["method"] for row in json.loads(done.stdout)}


def test_two_processes_want_the_same_run(start, tmp_path):
    words = ["--epochs", "1", "--limit-train", "3"]
    both = [start(tmp_path, *words) for _ in range(2)]
    done = [process.result(300) for process in both]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    first, second = (json.loads(one.stdout) for one in done)
    assert first == second  # one ran, the other waited and found the record
    assert len(list(Path(tmp_path).glob("*/*/*/*/run.json"))) == 2  # slow, and vanilla


def test_force_keeps_the_old_record_until_there_is_a_new_one(start, tmp_path):
    words = ["--epochs", "1", "--limit-train", "3"]
    first = start(tmp_path, *words).result(300)
    assert first.returncode == 0, first.stderr
    place = tmp_path / "under way"
    again = start(tmp_path, *words, "--force", UNDER_WAY=str(place))
    wait_for(place.exists)
    again.send_signal(signal.SIGINT)
    assert again.result(60).returncode == 130
    assert only_record(tmp_path, "slow") == json.loads(first.stdout)


def test_no_disk_space_is_a_failure_that_says_so(few, start, tmp_path):
    """A limit on the size of files stands in for a full disk: writing stops in the middle."""
    assert few("nothing").returncode == 0  # the target is in the cache now
    words = ["--limit-train", "4", "--epochs", "1"]
    done = start(tmp_path, *words, most_bytes=2000).result(120)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path for path in tmp_path.glob("*/*/slow/*/*") if path.is_file()] == []


def test_limited_runs_are_never_ranked(few, cli, tmp_path):
    assert few("nothing").returncode == 0
    done = cli("leaderboard", "--results", tmp_path, "--format", "json")
    assert json.loads(done.stdout) == []
    assert all(record.partial for record in unharness.load_records(tmp_path))


def test_unreadable_record_is_set_aside_not_deleted(few, tmp_path):
    assert few("nothing").returncode == 0
    path = next(tmp_path.glob("*/*/nothing/*/run.json"))
    path.write_text("{ half")
    done = few("nothing")
    assert done.returncode == 0, done.stderr
    kept = list(path.parent.glob("run.json.unreadable-*"))
    assert [item.read_text() for item in kept] == ["{ half"]
    assert read_records(path)[0].status == "done"
