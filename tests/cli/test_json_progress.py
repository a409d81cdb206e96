"""`--progress json`: one object a line; and the other forms."""

import io
import json

import pytest
from rich.console import Console

from unharness.cli.progress import LiveProgress, PlainProgress, progress_for
from unharness.cli.sweep_progress import watching
from unharness.progress import Progress
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Job, JobResult


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def job(name):
    return Job(name, f"kl · {name}", RunRequest(), "cpu", None, None, "e")


def test_a_stage_begins_goes_on_and_ends(capsys):
    with progress_for(quiet=True, form="json") as progress:
        with progress.stage("unlearn (kl)") as stage:
            for done in range(1, 101):
                stage.step(done, 100, {"loss": float("nan") if done == 100 else 1.0})
        progress.note("ümlaut\nand \x1b[31mred")
        with pytest.raises(KeyboardInterrupt), progress.stage("save"):
            raise KeyboardInterrupt
    out, err = capsys.readouterr()
    assert out == ""
    begin, first, *_, last, end, note, save, broken = events(err)
    assert len(err.splitlines()) < 20  # steps come now and then
    assert begin == {
        "event": "stage",
        "stage": "unlearn (kl)",
        "done": 0,
        "total": None,
        "seconds": begin["seconds"],
    }
    assert (first["event"], first["done"], first["total"]) == ("step", 1, 100)
    assert first["values"] == {"loss": 1.0}
    assert (last["done"], last["values"]) == (100, {"loss": None})
    assert (end["event"], end["done"], end["ok"]) == ("end", 100, True)
    assert end["seconds"] >= first["seconds"] >= 0
    assert note == {"event": "note", "text": "ümlaut\nand \x1b[31mred"}
    assert "\x1b" not in err
    assert (save["stage"], broken["ok"]) == ("save", False)


def test_a_sweep_tells_of_every_run(capsys):
    console = Console(file=io.StringIO())
    with watching(2, 0.0, True, console, form="json") as observer:
        observer.note("once")
        observer.note("once")
        observer.started(job("a"), "CPU 1")
        observer.step("CPU 1", "train target", 3, 0)
        observer.finished(job("a"), "CPU 1", JobResult("a", "done", 12.0, 81.5))
        observer.finished(job("b"), "CPU 1", JobResult("b", "failed", 1.0, error="NaN"))
    assert console.file.getvalue() == ""
    note, run, step, done, failed = events(capsys.readouterr().err)
    assert note == {"event": "note", "text": "once"}
    assert run == {"event": "run", "run": "a", "label": "kl · a", "worker": "CPU 1"}
    assert (step["stage"], step["done"], step["total"]) == ("train target", 3, None)
    assert done == {
        **{"event": "finished", "run": "a", "label": "kl · a", "worker": "CPU 1"},
        **{"outcome": "done", "seconds": 12.0, "value": 81.5, "error": None},
        **{"done": 1, "failed": 0, "total": 2},
    }
    assert (failed["error"], failed["failed"]) == ("NaN", 1)


def test_none_and_quiet_show_nothing_and_bar_is_a_bar_everywhere(capsys):
    for quiet, form in ((False, "none"), (True, None)):
        with progress_for(quiet, form) as progress:
            assert type(progress) is Progress
    with progress_for(quiet=False) as progress:
        assert isinstance(progress, PlainProgress)  # stderr is no terminal here
    with progress_for(quiet=True, form="bar") as progress:
        assert isinstance(progress, LiveProgress)
    capsys.readouterr()


def test_a_form_that_is_none_is_refused(call):
    code, _, err = call("run", "--progress", "xml")
    assert code == 2
    assert "json" in err
