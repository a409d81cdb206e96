"""`unharness tune` where trials fail, and where its studies are written."""

import json
from pathlib import Path

import pytest

EXECUTOR = """
from unharness import Executor, hookimpl
from unharness.sweeps.executors.executor import JobResult


class Failing(Executor):
    name = "failing"
    summary = "Every job fails at once."

    def run(self, jobs, observer):
        return [JobResult(job.run_id, "failed", 0.0, error="out of memory") for job in jobs]


@hookimpl
def unharness_executors():
    return [Failing]
"""


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """An installed plugin whose executor `failing` lets every job fail at once."""
    from unharness.registry import registry

    site = tmp_path / "site"
    information = site / "failing_executor-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "failing_executor.py").write_text(EXECUTOR)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: failing-executor\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text("[unharness]\nfailing = failing_executor\n")
    monkeypatch.syspath_prepend(site)
    registry.cache_clear()
    yield "failing"
    registry.cache_clear()


@pytest.fixture
def tune(call, failing, tmp_path):
    """tune("--trials", 2, …) -> exit code, stdout, stderr; every trial fails."""

    def run(*words, results=tmp_path / "results"):
        given = ("--results", results) if results else ()
        shared = ("--data", "standin", "--suite", "none", "--executor", failing)
        shared += ("--objective", "success_avg")
        return call("tune", *shared, *given, *words)

    return run


def studies(results: Path):
    paths = sorted(results.glob("tuning/*/*/*/study*.json"))
    return [json.loads(path.read_text()) for path in paths]


@pytest.mark.slow
def test_a_budget_of_time_alone_ends_when_every_trial_fails(tune, tmp_path):
    code, _, errors = tune("-m", "kl", "--budget-minutes", 60)
    assert code == 1
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "kl" in last
    assert "all 5 trials" in last
    assert "out of memory" in last
    (study,) = studies(tmp_path / "results")
    assert study["best"] is None
    assert [trial["error"] for trial in study["trials"]] == ["out of memory"] * 5


def test_a_reference_row_that_fails_ends_tuning_before_any_trial(tune, tmp_path):
    code, _, errors = tune("-m", "kl", "--trials", 1, "--objective", "closeness")
    assert code == 1
    last = " ".join(errors.split("error: ")[-1].split())
    assert last.startswith("a reference row of the validation part failed: out of memory.")
    assert "--objective COLUMN" in last
    assert studies(tmp_path / "results") == []


def test_fewer_trials_than_that_are_not_exceeded(tune, tmp_path):
    code, _, _ = tune("-m", "kl", "--trials", 2)
    assert code == 1
    (study,) = studies(tmp_path / "results")
    assert len(study["trials"]) == 2


@pytest.mark.slow
def test_the_same_command_tries_failed_trials_again_and_more_trials_prolong(tune, tmp_path):
    for trials, expected in ((2, 2), (2, 2), (3, 3)):
        tune("-m", "kl", "--trials", trials)
        (study,) = studies(tmp_path / "results")
        settings = [json.dumps(trial["settings"]) for trial in study["trials"]]
        assert len(set(settings)) == len(settings) == expected


@pytest.mark.slow
def test_a_method_without_a_successful_trial_is_not_run_untuned(tune, tmp_path):
    code, _, errors = tune("-m", "kl,retrain", "--trials", 1)
    assert code == 3  # retrain, which has nothing to tune, was still tried
    (line,) = [line for line in errors.splitlines() if "kl" in line and "failed" in line]
    assert "out of memory" in line
    assert "0 runs with the chosen hyperparameters" in errors


def test_a_dry_run_says_what_would_be_run_and_writes_nothing(call, tmp_path):
    shared = ("--data", "standin", "--results", tmp_path / "results", "--dry-run")
    code, out, _ = call(
        *("tune", "-m", "kl,retrain", "--trials", 4, "--set", "kl.lr=1e-3,2e-3"),
        *("--set", "kl.epochs=2", "--seed", "0,1", "--target-seed", "0,1", *shared),
    )
    assert code == 0
    lines = out.splitlines()
    kl, retrain = (next(line.split() for line in lines if line.startswith(n)) for n in ("kl", "re"))
    assert kl[1:4] == ["lr:", "1e-3,", "2e-3,"]
    assert kl[-3:] == ["4", "6", "4"]
    assert retrain[1:] == ["nothing:", "its", "defaults", "are", "run", "0", "0", "4"]
    # Base, target and two retrained models; of the evaluated part three and two targets.
    assert "reference rows of the validation part: 4 runs, 0 done; 1 target to train" in lines
    assert "reference rows beside the final runs: 6 runs, 0 done; 2 targets to train" in lines
    assert not (tmp_path / "results").exists()


def test_a_dry_run_without_a_number_of_trials_or_reference_rows(call, tmp_path):
    code, out, _ = call(
        *("tune", "-m", "kl", "--budget-minutes", 1, "--objective", "success_avg", "--dry-run"),
        *("--data", "standin", "--no-references", "--results", tmp_path),
    )
    assert code == 0
    assert "until the time is over" in out
    assert out.count("none") == 2


def test_a_dry_run_counts_the_trials_of_an_earlier_command(tune):
    tune("-m", "kl", "--trials", 2)
    code, out, _ = tune("-m", "kl", "--trials", 3, "--dry-run")
    assert code == 0
    assert "3 (2 done)" in out


def test_studies_are_written_where_the_environment_says(tune, tmp_path, monkeypatch):
    monkeypatch.setenv("UNHARNESS_RESULTS", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    tune("-m", "kl", "--trials", 1, results=None)
    assert len(studies(tmp_path / "elsewhere")) == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_studies_of_equally_named_models_and_of_other_objectives_are_kept_apart(
    tune, tmp_path, checkpoint
):
    models = [checkpoint("llama", tmp_path / "a" / "x"), checkpoint("qwen2", tmp_path / "b" / "x")]
    tune("-m", "kl", "--trials", 1, "--model", ",".join(map(str, models)))
    assert len(studies(tmp_path / "results")) == 2
    tune("-m", "kl", "--trials", 1, "--model", models[0], "--objective", "unlearn_success")
    tune("-m", "kl", "--trials", 1, "--model", models[0], "--set", "epochs=3")
    assert len(studies(tmp_path / "results")) == 4
