import io
import time

from rich.console import Console

from unharness.cli.sweep_progress import LiveTable, watching
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Job, JobResult


def job(name):
    return Job(name, f"kl · {name}", RunRequest(), "cpu", None, None, "e")


def shown(thing):
    console = Console(file=io.StringIO(), width=100)
    console.print(thing)
    return console.file.getvalue()


def test_a_line_a_worker_and_a_line_of_all():
    table = LiveTable(Console(file=io.StringIO()), 3, 600.0)
    assert "0 done · 0 failed · 3 left · 10 min of work by past records" in shown(table)
    table.started(job("seed 0"), "CPU 1")
    table.started(job("seed 1"), "CPU 2")
    table.step("CPU 1", "unlearn (kl)", 30, 100)
    text = shown(table)
    assert "CPU 1 kl · seed 0 unlearn (kl)" in text
    assert "CPU 2 kl · seed 1 start" in text
    table.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0, 81.234))
    table.finished(job("seed 1"), "CPU 2", JobResult("seed 1", "failed", 1.0, error="NaN"))
    text = shown(table)
    assert "CPU" not in text
    assert "1 done · 1 failed · 1 left" in text
    assert "min more" in text


def test_without_a_terminal_a_line_a_run_and_notes_once():
    console = Console(file=io.StringIO(), width=100)
    with watching(2, 600.0, False, console) as observer:
        observer.note("the data are not the paper's")
        observer.note("the data are not the paper's")
        observer.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0, 81.234))
        observer.finished(job("seed 1"), "CPU 1", JobResult("seed 1", "found", 0.0))
    assert console.file.getvalue().splitlines() == [
        "0 done · 0 failed · 2 left · 10 min of work by past records",
        "note: the data are not the paper's",
        "[1/2] done    kl · seed 0  81.2  (12 s)",
        "[2/2] found   kl · seed 1  (0 s)",
    ]


def test_the_count_follows_what_is_found_to_be_there_or_missing():
    console = Console(file=io.StringIO(), width=100)
    with watching(64, 0.0, False, console) as observer:
        observer.expect(-63)
        observer.expect(1)
        observer.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0))
    assert console.file.getvalue().splitlines() == [
        "0 done · 0 failed · 64 left",
        "[1/2] done    kl · seed 0  (12 s)",
    ]


def test_a_count_that_is_unknown_stays_so():
    console = Console(file=io.StringIO(), width=100)
    with watching(0, 0.0, False, console) as observer:
        observer.expect(-3)
        observer.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0))
    assert console.file.getvalue() == "[1/?] done    kl · seed 0  (12 s)\n"


def test_without_a_terminal_what_is_under_way_is_told_at_intervals():
    output = io.StringIO()
    reported = "0 done · 0 failed · 2 left; CPU 1: kl · seed 0, train target 3/40\n"
    with watching(2, 0.0, False, Console(file=output, width=100), every=0.01) as observer:
        observer.started(job("seed 0"), "CPU 1")
        observer.step("CPU 1", "train target", 3, 40)
        while reported not in output.getvalue():
            time.sleep(0.01)  # the suite's own time limit ends a report that never comes
    size = len(output.getvalue())
    time.sleep(0.05)
    assert len(output.getvalue()) == size  # the reports end with the block


def test_quiet_is_silent():
    console = Console(file=io.StringIO(), width=100)
    with watching(1, 0.0, True, console, every=0.01) as observer:
        observer.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0))
        observer.note("a note")
    assert console.file.getvalue() == ""


def test_on_a_terminal_it_is_live():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with watching(1, 0.0, False, console) as observer:
        observer.started(job("seed 0"), "CPU 1")
        observer.finished(job("seed 0"), "CPU 1", JobResult("seed 0", "done", 12.0, 50.0))
    assert "done    kl · seed 0  50.0" in console.file.getvalue()
