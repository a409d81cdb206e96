"""Each built-in logger writes through its own library, offline, and what it wrote is read back."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

from unharness.errors import UsageError
from unharness.loggers.listening import logging_runs
from unharness.records.record import TrainingRecord
from unharness.registry import load_registry, registry

build_record = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))[
    "build_record"
]
LOSSES = [3.0, 2.0, 1.0]


@pytest.fixture
def logged(tmp_path, monkeypatch):
    """logged("tensorboard") -> the folder of a log: three steps, one metric, one hyperparameter."""

    def log(name):
        record = build_record(
            "kl",
            config={"lr": 0.25},
            metrics={"success_avg": (70.0, 65.0, 75.0)},
            training=TrainingRecord(losses=LOSSES),
        )
        found = load_registry()
        kind = found.get("loggers", name)
        kind.check()
        notes = []
        with logging_runs([kind], tmp_path, found, notes.append):
            assert found.notify("unharness_run_started", spec=record.spec) == []
            for step, loss in enumerate(LOSSES, 1):
                values = {"loss": loss, "lr": 1e-3, "grad_norm": 1.0}
                problems = found.notify(
                    "unharness_step", run_id=record.run_id, step=step, values=values
                )
                assert problems == []
            assert found.notify("unharness_run_finished", record=record) == []
        assert notes == []
        return tmp_path / "logs" / name

    return log


def test_tensorboard_event_files(logged, monkeypatch):
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = logged("tensorboard")
    (run,) = {path.parent for path in folder.rglob("events.out.tfevents.*")}
    assert run.relative_to(folder).parts[:2] == ("knowundo-privacy", "tiny")
    events = EventAccumulator(str(run)).Reload()
    assert [(one.step, one.value) for one in events.Scalars("train/loss")] == [
        (1, 3.0),
        (2, 2.0),
        (3, 1.0),
    ]
    assert events.Scalars("metrics/success_avg")[0].value == 70.0
    assert "_hparams_/session_start_info" in events.summary_metadata


def test_wandb_offline(logged, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    folder = logged("wandb")
    import wandb

    wandb.teardown()  # its service writes at its leisure; it does this at the end of a process
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    content = file.read_bytes()
    assert b"train/loss" in content
    assert b"metrics/success_avg" in content
    assert b'"kl"' in content


def is_missing(name):
    """Whether a library is not there; then its logger must say what to install."""
    if find_spec(name) is not None:
        return False
    with pytest.raises(UsageError, match=rf"pip install 'unharness\[{name}\]'"):
        registry().get("loggers", name).check()
    return True


@pytest.mark.slow
def test_mlflow_in_a_local_database(logged, monkeypatch):
    if is_missing("mlflow"):  # its last release takes no cachetools of our constraints
        return
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    from mlflow import MlflowClient

    folder = logged("mlflow")
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("unharness")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["lr"] == "0.25"
    assert run.data.metrics["metrics/success_avg"] == 70.0
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted((one.step, one.value) for one in history) == [(1, 3.0), (2, 2.0), (3, 1.0)]


@pytest.mark.slow
def test_trackio_on_this_machine(logged, tmp_path, monkeypatch, capsys):
    if is_missing("trackio"):  # it takes no pillow of our constraints
        return
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    for name in ("TRACKIO_PROJECT", "TRACKIO_SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    logged("trackio")
    assert capsys.readouterr().out == ""
    from trackio.sqlite_storage import SQLiteStorage

    (run,) = SQLiteStorage.get_runs("unharness")
    logs = SQLiteStorage.get_logs("unharness", run)
    assert [one["train/loss"] for one in logs if "train/loss" in one] == LOSSES
    assert logs[-1]["metrics/success_avg"] == 70.0
