"""A sweep that is killed again and again ends as one that nobody disturbed."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress

import psutil
import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

WAYS = ("kill a worker", "terminate", "kill", "interrupt")
KILLS = int(os.environ.get("UNHARNESS_TEST_KILLS", str(len(WAYS))))
GRID = (
    *("--method", "gradient-ascent,random-labels", "--seed", "0..1", "--set", "epochs=1"),
    *("--model", "micro", "--limit-train", "8"),
)
ALONE = ("--workers", "1")  # each worker imports torch: two take longer where two is not the point
CELLS = 4


@pytest.fixture(scope="module")
def grid(data_folder):
    return [*GRID, "--suite", "none", "--data", str(data_folder)]


def start(grid, results, mark="", most_bytes=None):
    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.Popen(
        [sys.executable, "-m", "unharness.cli.main", "sweep", *grid, "--results", str(results)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "UNHARNESS_TEST_MARK": mark},
        preexec_fn=prepare,
    )


def processes(mark):
    """The numbers of all processes that run with a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            if not ended and process.environ().get("UNHARNESS_TEST_MARK") == mark:
                found.append(process.pid)
    return found


def outcome(results):
    """What a sweep left, by run: metrics, weights, examples; nothing that a clock decides."""
    found = {}
    for path in sorted(results.glob("*/*/*/*/run.json")):
        record = read_records(path)[0].model_dump(mode="json")
        assert record["status"] == "done", path
        assert record["run_id"] not in found
        examples = (path.parent / record["artifacts"]["examples"]["path"]).read_bytes()
        weights = record["training"]["weights_hash"]
        found[record["run_id"]] = (record["metrics"], weights, record["seeds"], examples)
    return found


@pytest.fixture(scope="module")
def undisturbed(grid, tmp_path_factory):
    results = tmp_path_factory.mktemp("undisturbed")
    sweep = start([*grid, *ALONE], results)
    text, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, text
    found = outcome(results)
    assert len(found) == CELLS + 1  # and the target's own row
    return found


def test_killed_at_random_moments_it_ends_as_if_undisturbed(grid, undisturbed, tmp_path):
    chance, results, kills = random.Random(7), tmp_path / "results", 0
    while kills < KILLS:
        mark = uuid.uuid4().hex
        sweep = start(grid, results, mark)
        try:
            sweep.wait(chance.uniform(0.5, 8.0))
        except subprocess.TimeoutExpired:
            how = WAYS[kills % len(WAYS)]
            kills += 1
            others = [number for number in processes(mark) if number != sweep.pid]
            if how == "kill a worker" and others:
                os.kill(chance.choice(others), signal.SIGKILL)
                sweep.wait(120)
                assert sweep.returncode in (0, 3)  # the run failed, the sweep went on
            else:
                number = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}.get(how)
                sweep.send_signal(number or signal.SIGKILL)
                sweep.wait(60)
                # 0: it was over just then, which is looked into below.
                allowed = (-9, 0) if number is None else (130, -number, 0)
                assert sweep.returncode in allowed
        assert gone(mark), "a process is left"
        sweep.stdout.close()
        if sweep.returncode == 0:  # all done: begin anew, so that there is something to kill
            assert outcome(results) == undisturbed
            shutil.rmtree(results)
    last = start(grid, results)
    text, _ = last.communicate(timeout=300)
    assert last.returncode == 0, text
    assert outcome(results) == undisturbed
    left = [path for path in results.rglob(".*") if path.name != ".locks"]
    assert not left, "half-written files are left"


def test_a_full_disk_stops_no_more_than_it_must(grid, undisturbed, tmp_path):
    sweep = start([*grid, *ALONE], tmp_path, most_bytes=4000)
    text, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 3, text
    assert f"{CELLS} failed" in text
    assert "cannot be written" in text
    assert "unharness sweep" in text  # the command that tries them again
    again = start([*grid, *ALONE], tmp_path)
    text, _ = again.communicate(timeout=300)
    assert again.returncode == 0, text
    assert outcome(tmp_path) == undisturbed


def test_two_sweeps_on_one_folder_both_finish_and_do_no_cell_twice(grid, undisturbed, tmp_path):
    first, second = (start([*grid, *ALONE], tmp_path) for _ in range(2))
    texts = [sweep.communicate(timeout=300)[0] for sweep in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), texts
    assert outcome(tmp_path) == undisturbed
    done = [line for text in texts for line in text.splitlines() if "] done " in line]
    assert len(done) == CELLS, texts


def gone(mark, seconds=15.0):
    end = time.monotonic() + seconds
    while processes(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
