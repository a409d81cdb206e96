"""A sweep that is killed again and again ends as one that nobody disturbed."""

import os
import random
import shutil
import signal
import time
import uuid
from contextlib import suppress

import psutil
import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

WAYS = ("kill a worker", "terminate", "kill", "interrupt")
KILLS = int(os.environ.get("UNHARNESS_TEST_KILLS", str(len(WAYS))))
METHODS, SEEDS = ("gradient-ascent", "random-labels"), ("0", "1")
GRID = ("--method", ",".join(METHODS), "--seed", "0..1")
FEW = ("--model", "micro", "--limit-train", "8", "--set", "epochs=1", "--suite", "none")
ALONE = ("--workers", "1")  # each worker imports torch: two take longer where two is not the point
CELLS = len(METHODS) * len(SEEDS)


@pytest.fixture(scope="module")
def few(data_folder):
    return (*FEW, "--data", data_folder)


@pytest.fixture
def start(begin, few):
    """start(results, *words) -> a sweep under way; `mark` is in its workers' environment."""

    def call(results, *words, mark="", most_bytes=None):
        given = (*GRID, *few, "--results", results, *words)
        return begin("sweep", *given, UNHARNESS_TEST_MARK=mark, most_bytes=most_bytes)

    return call


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
def undisturbed(cli, few, tmp_path_factory):
    """What the runs of the grid leave when each is made alone, without a sweep."""
    results = tmp_path_factory.mktemp("undisturbed")
    for method in METHODS:
        for seed in SEEDS:
            words = ("--method", method, "--seed", seed, *few, "--results", results)
            done = cli("run", *words)
            assert done.returncode == 0, done.stderr
    found = outcome(results)
    assert len(found) == CELLS + 1  # and the target's own row
    return found


def test_killed_at_random_moments_it_ends_as_if_undisturbed(start, undisturbed, tmp_path):
    chance, results, kills = random.Random(7), tmp_path / "results", 0
    while kills < KILLS:
        mark = uuid.uuid4().hex
        how = WAYS[kills % len(WAYS)]
        sweep = start(results, *(() if how == WAYS[0] else ALONE), mark=mark)
        if not sweep.ends_within(chance.uniform(0.5, 8.0)):
            kills += 1
            workers = processes(mark)
            if how == "kill a worker" and workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                allowed = (0, 3)  # the run failed, the sweep went on
            else:
                number = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}.get(how)
                sweep.send_signal(number or signal.SIGKILL)
                # 0: it was over just then, which is looked into below.
                allowed = (-9, 0) if number is None else (130, -number, 0)
        else:
            allowed = (0,)
        ended = sweep.result(120)
        assert ended.returncode in allowed, ended.stderr
        assert gone(mark), "a process is left"
        if ended.returncode == 0:  # all done: begin anew, so that there is something to kill
            assert outcome(results) == undisturbed
            shutil.rmtree(results)
    last = start(results, *ALONE).result(300)
    assert last.returncode == 0, last.stderr
    assert outcome(results) == undisturbed
    left = [path for path in results.rglob(".*") if path.name not in (".locks", ".sweeps")]
    assert not left, "half-written files are left"


def test_a_full_disk_stops_no_more_than_it_must_and_two_sweeps_at_once_do_the_rest(
    start, undisturbed, tmp_path
):
    failed = start(tmp_path, *ALONE, most_bytes=4000).result(300)
    assert failed.returncode == 3, failed.stderr
    assert f"{CELLS} failed" in failed.stderr
    assert "cannot be written" in failed.stderr
    assert "unharness sweep" in failed.stderr  # the command that tries them again
    both = [start(tmp_path, *ALONE) for _ in range(2)]
    ended = [sweep.result(300) for sweep in both]
    texts = [one.stderr for one in ended]
    assert [one.returncode for one in ended] == [0, 0], texts
    assert outcome(tmp_path) == undisturbed
    done = [line for text in texts for line in text.splitlines() if "] done " in line]
    assert len(done) == CELLS, texts  # neither did what the other had done


def gone(mark, seconds=15.0):
    end = time.monotonic() + seconds
    while processes(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
