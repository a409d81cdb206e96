"""A real Ray cluster of two nodes on this machine, one of which is killed in the middle."""

import json
import time
from pathlib import Path

import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

GRID = ("--method", "random-labels", "--seed", "0..2")  # one more than there are nodes
FEW = ("--model", "micro", "--limit-train", "8", "--set", "epochs=1", "--suite", "none")


def done(results):
    return {
        record.run_id: (record.metrics, record.training.weights_hash)
        for path in results.glob("*/*/*/*/run.json")
        for record in read_records(path)
        if record.status == "done"
    }


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Nodes that are gone are noticed within seconds, not half a minute.
    system = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
    system |= {"health_check_failure_threshold": 3}
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        # The head has no room for jobs, so both run on the other nodes.
        head_node_args={"num_cpus": 0, "_system_config": system, "include_dashboard": False},
    )
    yield made
    made.shutdown()


def test_a_lost_node_s_runs_go_on_elsewhere(cluster, cli, begin, data_folder, tmp_path):
    few = (*FEW, "--data", data_folder)
    alone = cli("sweep", *GRID, *few, "--results", tmp_path / "alone", "--workers", "1")
    assert alone.returncode == 0, alone.stderr
    doomed, _ = (cluster.add_node(num_cpus=1) for _ in range(2))
    results = tmp_path / "ray"
    where = ("--results", results, "--executor", "ray", "--address", cluster.address)
    sweep = begin("sweep", *GRID, *few, *where)
    end = time.monotonic() + 200
    while not done(results) and not sweep.over and time.monotonic() < end:
        time.sleep(0.1)
    cluster.remove_node(doomed, allow_graceful=False)  # while further runs are under way
    ended = sweep.result(300)
    assert ended.returncode == 0, ended.stderr
    assert "3 runs done, 0 were done before, 0 failed" in ended.stderr
    assert done(results) == done(tmp_path / "alone")


def test_a_cluster_that_does_not_answer_is_told_at_once(cli, tmp_path):
    words = ("sweep", "--limit-train", "8", "--suite", "none", "--results", tmp_path)
    asked = cli(*words, "--executor", "ray", "--address", "127.0.0.1:1")
    assert asked.returncode == 2
    assert "no Ray cluster answers at '127.0.0.1:1'" in asked.stderr
    assert "ray start --head" in asked.stderr
    asked = cli(*words, "--executor", "ray", "--address", "nowhere")
    assert asked.returncode == 2
    assert "HOST:PORT" in asked.stderr


def test_records_come_back_from_a_node_that_shares_no_folder(data_folder, tmp_path, monkeypatch):
    from unharness.request import RunRequest
    from unharness.sweeps.executors.on_ray import absolute
    from unharness.sweeps.executors.ray_task import run_batch

    monkeypatch.chdir(tmp_path)
    request = RunRequest(
        method="gradient-ascent",
        set={"epochs": 1},
        limit_train=8,
        suite="none",
        data=str(data_folder),
        results="there",
    )
    values = absolute(request.model_dump(mode="json", exclude_unset=True))
    assert values["results"] == str(tmp_path / "there")
    (answer,) = run_batch([values])
    assert answer["outcome"] == "done"
    paths = {Path(path) for path in answer["files"]}
    assert not any(path.is_absolute() for path in paths)
    assert {(path.parts[2], path.name.partition("-")[0]) for path in paths} == {
        (method, name)
        for method in ("gradient-ascent", "vanilla")
        for name in ("run.json", "examples", "observations")
    }
    for path in paths:
        if path.name == "run.json":
            [one] = json.loads(answer["files"][str(path)])["evaluations"].values()
            assert one["status"] == "done"
