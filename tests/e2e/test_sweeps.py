"""`unharness sweep` as a user meets it."""

import json
import re
import time

import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow


ALONE = ("--workers", "1")  # each worker imports torch: two take longer where two is not the point
HERE = ("--executor", "here")


@pytest.fixture(scope="module")
def few(data_folder):
    # What the target knows is not the point: it is taught briefly.
    few = ("--model", "micro", "--limit-train", "8", "--target-set", "epochs=2")
    return (*few, "--suite", "none", "--data", str(data_folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep")


def test_the_plan_comes_first_and_runs_nothing(cli, few, folder):
    done = cli(
        "sweep",
        "-m",
        "kl,retrain,vanilla",
        "--seed",
        "0..1",
        *few,
        "--results",
        folder,
        "--dry-run",
    )
    assert done.returncode == 0, done.stderr
    assert "5 runs: 0 done, 0 failed before, 5 new" in done.stdout  # vanilla has no seed
    assert "no time estimate yet" in done.stdout
    assert not list(folder.iterdir())


def test_a_failed_cell_stops_no_other_and_is_named_with_its_cause(cli, few, folder, here):
    words = ["sweep", "--method", "memflex", "--set", "mu=q0.9,-1", *few, "--results", folder]
    done = cli(*words, *ALONE)
    assert done.returncode == 3, done.stderr
    assert "1 runs done, 0 were done before, 1 failed" in done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("failed: ")]
    assert "mu=-1" in line
    assert "region" in line
    assert re.search(r"unharness sweep --method memflex --set mu=q0.9,-1", done.stderr)

    planned = json.loads(cli(*words, "--dry-run", "--format", "json").stdout)
    assert [cell["state"] for cell in planned["cells"]] == ["done", "failed"]
    again = cli(*words, *HERE, **here)
    assert again.returncode == 3
    assert "0 runs done, 1 were done before, 1 failed" in again.stderr


def test_a_shard_is_a_part_of_the_grid(cli, few, folder):
    words = ("sweep", "-m", "kl,memflex", "--seed", "0..4", *few, "--results", folder)
    done = cli(*words, "--dry-run", "--shard", "3/3", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["cells"]) == 3


def test_a_file_s_unknown_key_is_told_with_its_line(cli, tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("method: [kl, memflex]\nseed: 0..4\n\nsedes: 3\n")
    done = cli("sweep", path, "--dry-run")
    assert done.returncode == 2
    assert f"{path}, line 4: unknown key 'sedes'. Did you mean seed" in done.stderr


def test_a_file_and_flags_make_one_grid(cli, few, tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("method: [kl, memflex]\nseed: 0..4\nset:\n  lr: [1e-4, 3e-4]\n")
    done = cli("sweep", path, *few, "--seed", "7", "--results", tmp_path / "r", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "4 runs" in done.stdout
    assert "memflex · lr=3e-4 · seed 7" in done.stdout


def test_an_executor_s_options_are_checked(cli):
    done = cli("sweep", "--address", "auto", "--dry-run")
    assert done.returncode == 2
    assert "executor 'local' has no option 'address'" in done.stderr
    done = cli("sweep", "--executor", "raj", "--dry-run")
    assert done.returncode == 2
    assert "ray" in done.stderr


def test_tuning_gives_every_method_the_same_effort_and_says_so(cli, few, folder, here):
    words = [
        "tune",
        "-m",
        "kl,retrain",
        "--trials",
        "2",
        "--objective",
        "success_avg",
        "--finalists",
        "1",
        "--checkpoints",
        "2",
        "--finalist-seeds",
        "1",
        "--seed",
        "0..1",
        *few,
        *HERE,
        "--results",
        folder,
    ]
    done = cli(*words, **here)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("tuning/*/*/*/study-*.json")
    study = json.loads(path.read_text())
    assert len(study["trials"]) == 2
    values = [trial["value"] for trial in study["trials"]]
    best = study["trials"][values.index(max(values))]
    stop = {"stop_after": best["stop_after"]} if best["stop_after"] else {}
    assert study["settings"] == best["settings"] | stop
    for trial in study["trials"]:
        half, whole = trial["checkpoints"]
        assert (half["steps"], whole["steps"]) == (
            -(-whole["steps"] // 2),
            trial["training"]["steps"],
        )
        assert trial["value"] == max(half["value"], whole["value"])
    assert study["budget"]["finalists"]["runs"] == 1
    assert study["budget"]["all"]["steps"] > 0
    assert study["finalists"][0]["mean"] == study["validation"]
    assert len(study["evaluation_by_seed"]) == 2
    trials = [
        read_records(one)[0].model_dump(mode="json")
        for one in folder.glob("tuning/*/*/kl/*/run.json")
    ]
    final = [
        read_records(one)[0].model_dump(mode="json") for one in folder.glob("*/*/kl/*/run.json")
    ]
    assert [record["spec"]["tuned"] for record in final] == [2, 2]
    assert [record["training"]["steps"] for record in final] == [
        best["stop_after"] or record["training"]["steps"] for record in final
    ]
    # Trials neither learn from the evaluation splits nor are judged by them.
    evaluation = {
        final[0]["data"]["splits"][name]["hash"] for name in ("forget_eval", "retain_eval")
    }
    seen = {split["hash"] for record in trials for split in record["data"]["splits"].values()}
    assert not evaluation & seen
    again = cli(*words, **here)
    assert again.returncode == 0
    assert "] " not in again.stderr  # nothing was run again


def test_tuning_without_an_effort_or_an_objective_is_refused(cli):
    done = cli("tune", "-m", "kl")
    assert done.returncode == 2
    assert "--trials N" in done.stderr
    done = cli("tune", "-m", "kl", "--trials", "2", "--objective", "successavg")
    assert done.returncode == 2
    assert "success_avg" in done.stderr


def test_records_of_another_schema_are_refused_and_left_alone(cli, few, folder):
    words = ("-m", "gradient-ascent", "--set", "epochs=1", *few, "--results", folder)
    assert cli("run", *words).returncode == 0
    (path,) = folder.glob("*/*/gradient-ascent/*/run.json")
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 7'))
    before = path.read_text()
    for command in ("sweep", "run"):
        done = cli(command, *words)
        assert done.returncode == 1
        assert "schema version 7, this unharness reads 2; give another --results" in done.stderr
    assert path.read_text() == before
    assert [one.name for one in path.parent.iterdir() if one.name.startswith("run.json")] == [
        "run.json"
    ]


def test_a_drained_sweep_finishes_the_run_under_way_and_the_command_goes_on_later(
    begin, cli, few, tmp_path
):
    from unharness.sweeps.control import ask, sweeps_in

    words = ["sweep", "-m", "gradient-ascent", "--seed", "0..2", "--no-references", *few]
    words += ["--set", "epochs=1", "--results", tmp_path, "--executor", "in-process"]
    sweep = begin(*words)
    end = time.monotonic() + 120
    while not any(one.state.running for one in sweeps_in(tmp_path)):
        assert time.monotonic() < end
        assert not sweep.over
        time.sleep(0.02)
    ask(tmp_path, "drain")
    drained = sweep.result(120)
    assert drained.returncode == 0, drained.stderr
    assert "2 runs were not started; repeat the command to go on" in drained.stderr
    [seen] = sweeps_in(tmp_path)
    assert (seen.condition, seen.state.done, seen.state.waiting) == ("ended", 1, 2)
    rest = cli(*words)
    assert "2 runs done, 1 were done before, 0 failed" in rest.stderr
