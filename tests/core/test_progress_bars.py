"""Progress from Python: bars where they are wanted; the libraries' own are hidden meanwhile."""

import sys
import types

import pytest

from unharness import Progress
from unharness.progress_bars import BarProgress, chosen_progress, in_notebook
from unharness.request import RunRequest
from unharness.sweeps.bars import SweepBar
from unharness.sweeps.executors.executor import Job, JobResult


def job(name):
    return Job(name, f"kl · {name}", RunRequest(), "cpu", None, None, "e")


@pytest.fixture
def kernel(monkeypatch):
    """Let this process look like a notebook's."""
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def test_none_is_bars_in_a_notebook_alone(kernel, monkeypatch):
    assert in_notebook()
    with chosen_progress(None) as shown:
        assert isinstance(shown, BarProgress)
    with chosen_progress(False) as shown:
        assert type(shown) is Progress
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    with chosen_progress(None) as shown:
        assert type(shown) is Progress
    own = Progress()
    with chosen_progress(own) as shown:
        assert shown is own


def test_a_stage_is_a_bar_on_stderr(capsys):
    with chosen_progress(True) as shown:
        shown.note("first\nline")
        with shown.stage("unlearn (kl)") as stage:
            for done in range(1, 4):
                stage.step(done, 3, {"loss": 0.5})
    out, err = capsys.readouterr()
    assert out == ""
    assert "note: first line" in err
    assert "unlearn (kl): 100%" in err
    assert "3/3" in err
    assert "loss 0.500" in err


def test_bars_of_transformers_are_hidden_and_come_back():
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    try:
        with chosen_progress(True) as shown, shown.stage("x"):
            assert not logging.is_progress_bar_enabled()
        assert logging.is_progress_bar_enabled()
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()


def test_a_sweep_is_one_bar(capsys):
    bar = SweepBar(2)
    bar.note("the data are not the paper's")
    bar.note("the data are not the paper's")
    bar.started(job("a"), "w")
    for done in range(1000):
        bar.step("w", "train target", done, 1000)
    bar.finished(job("a"), "w", JobResult("a", "done", 1.0))
    bar.finished(job("b"), "w", JobResult("b", "failed", 1.0, error="NaN"))
    bar.close()
    _, err = capsys.readouterr()
    assert err.count("not the paper's") == 1
    assert "failed: kl · b: NaN" in err
    assert "runs: 100%" in err
    assert err.count("train target") < 50
