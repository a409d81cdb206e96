"""Loggers: what is sent of a run, and that a failing one costs only itself."""

import runpy
from pathlib import Path

import pytest

from unharness import Logger
from unharness.errors import UsageError
from unharness.loggers.listening import find_loggers, logging_runs
from unharness.loggers.numbers import final_values, run_settings
from unharness.records.record import CostRecord, TrainingRecord
from unharness.registry import load_registry, registry
from unharness.request import RunRequest

build_record = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))[
    "build_record"
]
VALUES = {"loss": 2.0, "lr": 1e-3, "grad_norm": float("nan")}


class Kept(Logger):
    """Keeps what it is told."""

    name = "kept"
    summary = "For tests."
    told: list = []

    def start(self, run):
        self.told.append(("start", run.title, dict(run.settings)))

    def step(self, step, values):
        self.told.append(("step", step, dict(values)))

    def finish(self, metrics, ending):
        self.told.append(("finish", ending, dict(metrics)))


class Failing(Kept):
    name = "failing"

    def start(self, run):
        raise ConnectionError("no server")


@pytest.fixture
def own_registry():
    """A registry that no other test listens to."""
    return load_registry()


@pytest.fixture
def record():
    return build_record(
        config={"lr": 0.1, "layers": [1, 2], "none": None},
        metrics={"closely": (70.0, 65.0, 75.0), "none": None},
        training=TrainingRecord(losses=[3.0, 2.0]),
        cost=CostRecord(train_seconds=1.5),
    )


def follow(found, record, *, steps=2):
    """Let a registry's listeners hear of a whole run; return what went wrong."""
    problems = found.notify("unharness_run_started", spec=record.spec)
    for step in range(1, steps + 1):
        problems += found.notify("unharness_step", run_id=record.run_id, step=step, values=VALUES)
    return problems + found.notify("unharness_run_finished", record=record)


def test_a_log_has_the_settings_the_steps_and_the_metrics(own_registry, record, tmp_path):
    Kept.told = []
    with logging_runs([Kept], tmp_path, own_registry, print):
        assert follow(own_registry, record) == []
    (_, title, settings), one, two, finish = Kept.told
    assert title == f"memflex seed 0 {record.run_id[:8]}"
    assert settings["lr"] == 0.1
    assert settings["layers"] == "[1, 2]"
    assert "none" not in settings
    assert settings["method"] == "memflex"
    assert one == ("step", 1, {"train/loss": 2.0, "train/lr": 1e-3})  # NaN is no point of a curve
    assert two[1] == 2
    assert finish == (
        "finish",
        "done",
        {
            "metrics/closely": 70.0,
            "metrics/closely/low": 65.0,
            "metrics/closely/high": 75.0,
            "cost/train_seconds": 1.5,
        },
    )
    follow(own_registry, record)
    assert len(Kept.told) == 4  # nobody listens after the block


def test_weights_from_the_cache_have_the_losses_of_their_record(own_registry, record, tmp_path):
    Kept.told = []
    with logging_runs([Kept], tmp_path, own_registry, print):
        follow(own_registry, record, steps=0)
    assert Kept.told[1:3] == [
        ("step", 1, {"train/loss": 3.0}),
        ("step", 2, {"train/loss": 2.0}),
    ]


def test_two_runs_may_be_open_at_once_and_one_that_is_broken_off_is_ended(
    own_registry, record, tmp_path
):
    Kept.told = []
    other = build_record("kl", status="failed")
    with logging_runs([Kept], tmp_path, own_registry, print):
        own_registry.notify("unharness_run_started", spec=record.spec)
        follow(own_registry, other, steps=1)
    ends = [told[1] for told in Kept.told if told[0] == "finish"]
    assert ends == ["failed", "interrupted"]


def test_a_logger_that_fails_is_told_of_at_once_and_stops_no_other(own_registry, record, tmp_path):
    Kept.told, notes = [], []
    with logging_runs([Failing, Kept], tmp_path, own_registry, notes.append):
        assert follow(own_registry, record) == []  # nothing for the record
    assert notes == ["--log failing: nothing more is logged: ConnectionError: no server"]
    assert [told[0] for told in Kept.told] == ["start", "step", "step", "finish"]


class FailingLater(Kept):
    name = "failing-later"

    def step(self, step, values):
        print("on stdout")
        raise OSError("disk full")


def test_a_logger_that_fails_on_the_way_is_told_of_once(own_registry, record, tmp_path, capsys):
    Kept.told, notes = [], []
    with logging_runs([FailingLater], tmp_path, own_registry, notes.append):
        assert follow(own_registry, record, steps=5) == []
    assert notes == ["--log failing-later: nothing more is logged: OSError: disk full"]
    assert [told[0] for told in Kept.told] == ["start"]
    assert capsys.readouterr().out == ""


def test_a_missing_library_is_one_line_with_the_pip_command():
    class Missing(Kept):
        name = "missing"
        library = "a_library_that_is_not_there"
        install = "unharness[missing]"

    with pytest.raises(UsageError, match=r"pip install 'unharness\[missing\]'"):
        Missing.check()


def test_loggers_are_found_by_name_each_once():
    assert find_loggers((), registry()) == ()
    with pytest.raises(UsageError, match="Did you mean tensorboard"):
        find_loggers(["tensorbord"], registry())


def test_one_name_or_several():
    assert RunRequest(log="wandb").log == ("wandb",)
    assert RunRequest(log=["wandb", "mlflow"]).log == ("wandb", "mlflow")


def test_settings_are_flat(record):
    assert all(
        isinstance(one, (str, int, float, bool)) for one in run_settings(record.spec).values()
    )
    assert run_settings(record.spec)["target.epochs"] == 22


def test_a_record_without_metrics_has_its_costs(record):
    bare = record.model_copy(update={"metrics": {}})
    assert final_values(bare) == {"cost/train_seconds": 1.5}
