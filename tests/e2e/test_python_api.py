"""The Python API as its docstrings show it, and a logged run; all on one target of micro."""

import doctest
import json
import os
from pathlib import Path

import pytest

import unharness
from unharness import defaults

pytestmark = pytest.mark.slow

FUNCTIONS = ("run", "sweep", "evaluate", "load_records", "load_board", "tune")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples are run, one after the other: their `results` are shared."""
    before, made = Path.cwd(), tmp_path_factory.mktemp("python-api")
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_function_is_true(folder, name):
    function = getattr(unharness, name)
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert found.examples
    outcome = doctest.DocTestRunner(verbose=False).run(found)
    assert outcome.failed == 0


def test_a_board_and_records_are_frames(folder):
    frame = unharness.load_records("results").to_frame()
    assert set(frame.method) >= {defaults.METHOD}
    assert (frame["status"] == "done").all()
    board = unharness.load_board("results").to_frame()
    (row,) = board[(board.method == defaults.METHOD) & (board.attack == "none")].to_dict("records")
    assert row["seeds"] == (0, 1)
    assert row["hyperparameters.epochs"] == 1
    own = frame[(frame.method == defaults.METHOD) & (frame.attack == "none")]
    label = unharness.load_records("results")[0].ranking.headline
    assert row[label] == pytest.approx(own[label].mean())
    assert set(board[board.method == defaults.METHOD].attack) == {"none", "assistant"}


def test_a_sweep_warns_of_runs_that_failed(folder, monkeypatch):
    from unharness_methods import gradient_ascent

    def fails(*_):
        raise ValueError("on purpose")

    monkeypatch.setattr(gradient_ascent.GradientAscent, "loss", fails)
    with pytest.warns(UserWarning, match="1 of 1 runs failed.*on purpose"):
        (record,) = unharness.sweep(
            "gradient-ascent",
            model="micro",
            data="standin",
            seed=7,
            hyperparameters={"epochs": 1},
            references=False,
            executor="in-process",
            progress=False,
        )
    assert record.status == "failed"
    assert "on purpose" in record.error


def test_evaluate_takes_one_thing(folder):
    with pytest.raises(unharness.UsageError, match="one of them"):
        unharness.evaluate()
    with pytest.raises(unharness.UsageError, match="beside"):
        unharness.evaluate(weights="x", gold=True)


def test_a_run_is_logged_and_its_progress_is_json(folder, main_here, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    words = ("--model", "micro", "--data", "standin", "--epochs", 1, "--seed", 3)
    words += ("--format", "json", "--progress", "json")
    code, out, err = main_here("run", *words, "--log", "tensorboard")
    assert code == 0, err
    record = json.loads(out)
    assert "log" not in record["passed"]
    events = [json.loads(line) for line in err.splitlines()]
    assert f"unlearn ({defaults.METHOD})" in {one.get("stage") for one in events}
    notes = [one["text"] for one in events if one["event"] == "note"]
    assert any("tensorboard --logdir" in text for text in notes)

    steps = len(record["training"]["losses"])
    (file,) = {
        path.parent for path in folder.rglob(f"*{record['run_id'][:8]}/events.out.tfevents.*")
    }
    log = EventAccumulator(str(file)).Reload()
    assert len(log.Scalars("train/loss")) == steps
    label = next(iter(record["metrics"]))
    assert f"metrics/{label}" in log.Tags()["scalars"]

    # Without a logger it is the same run, which is there already.
    assert json.loads(main_here("run", *words)[1])["run_id"] == record["run_id"]
    code, _, err = main_here("run", *words, "--log", "tensorboard")
    assert "nothing is logged" in err


def test_a_missing_library_is_told_before_anything_is_trained(folder, main_here, monkeypatch):
    from unharness.loggers.to_trackio import Trackio

    monkeypatch.setattr(Trackio, "library", "a_library_that_is_not_there")
    for command in ("run", "sweep"):
        code, out, err = main_here(command, "--model", "micro", "--log", "trackio", "--quiet")
        assert (code, out) == (2, "")
        assert "pip install 'unharness[trackio]'" in err
        assert len(err.splitlines()) == 1
