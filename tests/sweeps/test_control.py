"""A running sweep, seen and steered by other processes."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest

from unharness.errors import RecordError
from unharness.request import RunRequest
from unharness.sweeps import control, steering
from unharness.sweeps.control import Owner, SweepState, ask, sweeps_in, write_state
from unharness.sweeps.executors.executor import Executor, Job, JobResult, SweepObserver
from unharness.sweeps.executors.job_queue import JobQueue
from unharness.sweeps.steering import steered


def job(name, tmp_path):
    lock = tmp_path / f"{name}.lock"
    return Job(name, f"label {name}", RunRequest(), "cpu", None, lock, "engine")


def plan_of(tmp_path, count, done=0):
    """As much of a plan as steering reads."""
    left = [job(f"r{at}", tmp_path) for at in range(count)]
    return SimpleNamespace(
        left=left, cells=[*left, *range(done)], results=str(tmp_path), estimate=lambda: (60.0, 0)
    )


class Threads(Executor):
    """Runs invented jobs in two threads, by the queue that the local executor has."""

    name, summary = "threads", "for this test"

    def run(self, jobs, observer):
        """Run them; a job lasts until its event is set."""
        queue, results = JobQueue(jobs, observer.admission), []

        def work(worker):
            while (one := queue.take(None)) is not None:
                observer.started(one, worker)
                observer.step(worker, "unlearn", 3, 10)
                assert self.go[one.run_id].wait(10)
                outcome = "failed" if one.run_id in self.failing else "done"
                result = JobResult(one.run_id, outcome, 1.0, error="it broke")
                results.append(result)
                observer.finished(one, worker, result)

        threads = [threading.Thread(target=work, args=(f"CPU {at}",)) for at in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.fixture
def running(tmp_path, monkeypatch):
    """running(count) -> the thread of a sweep, its jobs' events, its results and its notes."""
    monkeypatch.setattr(steering, "WRITE_S", 0.01)
    monkeypatch.setattr("unharness.sweeps.executors.job_queue.LOOK_S", 0.02)
    made = []

    def start(count, failing=()):
        plan, executor = plan_of(tmp_path, count, done=2), Threads()
        executor.go = {one.run_id: threading.Event() for one in plan.left}
        executor.failing = failing
        results, notes = [], []
        shown = SweepObserver()
        shown.note = notes.append

        def work():
            with steered(plan, shown, "unharness sweep grid.yaml") as observer:
                results.extend(executor.run(plan.left, observer))

        thread = threading.Thread(target=work)
        thread.start()
        made.append((thread, executor))
        return thread, executor.go, results, notes

    yield start
    for thread, executor in made:
        for event in executor.go.values():
            event.set()
        thread.join(10)


def eventually(what, seconds=10.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.02)


def only(tmp_path):
    found = sweeps_in(tmp_path)
    return found[0] if len(found) == 1 else None


def test_a_sweep_says_what_is_done_runs_waits_and_failed(tmp_path, running):
    thread, go, _, _ = running(5, failing=("r1",))
    eventually(lambda: (one := only(tmp_path)) and len(one.state.running) == 2)
    seen = only(tmp_path)
    assert seen.condition == "running"
    assert (seen.state.cells, seen.state.done_before, seen.state.waiting) == (7, 2, 3)
    assert {cell.label for cell in seen.state.running} == {"label r0", "label r1"}
    assert seen.state.rest_s() == (60.0, "for one worker, by past records")
    go["r0"].set(), go["r1"].set()
    eventually(lambda: only(tmp_path).state.done == 1 and only(tmp_path).state.failed)
    state = only(tmp_path).state
    assert [(one.label, one.error) for one in state.failed] == [("label r1", "it broke")]
    assert state.rest_s()[1] == "by the runs of this sweep"
    for event in go.values():
        event.set()
    thread.join(10)
    assert only(tmp_path).condition == "ended"
    assert only(tmp_path).state.done == 4


def test_a_paused_sweep_finishes_what_runs_and_goes_on_when_resumed(tmp_path, running):
    thread, go, results, notes = running(4)
    eventually(lambda: (one := only(tmp_path)) and len(one.state.running) == 2)
    ask(tmp_path, "pause")
    assert only(tmp_path).condition == "pausing"
    for event in go.values():
        event.set()
    eventually(lambda: only(tmp_path).condition == "paused")
    time.sleep(0.3)
    assert (only(tmp_path).state.done, only(tmp_path).state.waiting) == (2, 2)
    ask(tmp_path, "run")
    thread.join(10)
    assert {one.run_id for one in results} == {"r0", "r1", "r2", "r3"}
    assert ["paused" in notes[0], "resumed" in notes[1]] == [True, True]
    assert only(tmp_path).state.paused_s > 0.2


def test_a_drained_sweep_finishes_what_runs_and_ends(tmp_path, running):
    thread, go, results, _ = running(4)
    eventually(lambda: (one := only(tmp_path)) and len(one.state.running) == 2)
    [asked] = ask(tmp_path, "drain", only(tmp_path).state.sweep[:3])
    assert only(tmp_path).condition == "draining"
    with pytest.raises(RecordError, match="draining already"):
        ask(tmp_path, "run")
    for event in go.values():
        event.set()
    thread.join(10)
    assert {one.run_id for one in results} == {"r0", "r1"}
    assert asked.state.sweep == only(tmp_path).state.sweep
    with pytest.raises(RecordError, match="no sweep is running"):
        ask(tmp_path, "pause")


def test_a_request_is_seen_at_the_next_admission(tmp_path):
    with steered(plan_of(tmp_path, 2), SweepObserver(), "unharness sweep grid.yaml") as observer:
        assert observer.admission() == "start"
        for wanted, found in (("pause", "wait"), ("run", "start"), ("drain", "end")):
            ask(tmp_path, wanted)
            assert observer.admission() == found


def state_of(owner, **values):
    given = {"sweep": "0123abcd", "owner": owner, "began": time.time(), "cells": 1}
    return SweepState(**given | {"done_before": 0, "waiting": 1} | values)


def test_a_killed_process_s_sweep_is_dead_and_so_is_one_whose_number_was_given_anew(tmp_path):
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    here = socket.gethostname()
    owner = Owner(host=here, pid=child.pid, started=started)
    assert owner.alive() is True
    assert Owner(host=here, pid=child.pid, started=started - 100).alive() is False
    write_state(tmp_path, state_of(owner))
    assert only(tmp_path).condition == "running"
    child.kill()
    child.wait()
    assert only(tmp_path).condition == "dead"
    with pytest.raises(RecordError, match="no sweep is running"):
        ask(tmp_path, "pause")
    half = tmp_path / control.FOLDER / ".0123abcd.state.json-0011"
    half.touch()
    control.forget_sweeps(tmp_path)
    assert list((tmp_path / control.FOLDER).iterdir()) == []


def test_a_sweep_of_another_machine_is_silent_when_it_writes_no_more(tmp_path, monkeypatch):
    owner = Owner(host="elsewhere", pid=os.getpid(), started=0.0)
    write_state(tmp_path, state_of(owner))
    assert only(tmp_path).condition == "running"
    later = time.time() + 2 * control.SILENT_S
    monkeypatch.setattr(control.time, "time", lambda: later)
    assert only(tmp_path).condition == "silent"


@pytest.mark.parametrize("text", ["{", "[]", '{"sweep": "../../x"}', '{"wanted": "explode"}'])
def test_files_that_are_none_of_ours_are_left_out(tmp_path, text):
    folder = tmp_path / control.FOLDER
    folder.mkdir()
    (folder / "0123abcd.state.json").write_text(text)
    (folder / "0123abcd.wanted.json").write_text(text)
    assert sweeps_in(tmp_path) == []
    assert control.read_wanted(tmp_path, "0123abcd") == "run"


def test_a_state_under_another_s_name_is_left_out(tmp_path):
    write_state(tmp_path, state_of(Owner.this_process()))
    path = tmp_path / control.FOLDER / "0123abcd.state.json"
    path.rename(path.with_name("ffffffff.state.json"))
    assert sweeps_in(tmp_path) == []


def test_the_commands_show_and_steer(tmp_path, running, main_here):
    running(3)
    eventually(lambda: (one := only(tmp_path)) and len(one.state.running) == 2)
    code, output, _ = main_here("sweep", "status", str(tmp_path))
    assert code == 0
    for part in ("running", "2 done before", "1 waiting", "label r0", "unharness sweep grid.yaml"):
        assert part in output
    [facts] = json.loads(main_here("sweep", "status", str(tmp_path), "--format", "json")[1])
    assert (facts["condition"], facts["waiting"]) == ("running", 1)
    assert "2 runs are finished" in main_here("sweep", "pause", str(tmp_path))[1]
    assert only(tmp_path).wanted == "pause"
    assert main_here("sweep", "resume", str(tmp_path))[0] == 0
    assert "1 not started" in main_here("sweep", "drain", str(tmp_path))[1]
    code, _, errors = main_here("sweep", "pause", str(tmp_path / "nowhere"))
    assert code == 1
    assert "no sweep is running" in errors
    assert "no sweep" in main_here("sweep", "status", str(tmp_path / "nowhere"))[1]
