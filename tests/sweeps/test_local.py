import os
from contextlib import closing

import pytest

from unharness.errors import UsageError
from unharness.request import RunRequest
from unharness.sweeps.executors import local
from unharness.sweeps.executors.executor import Job, SweepObserver
from unharness.sweeps.executors.local import Local, slots


@pytest.fixture
def cores(monkeypatch):
    """cores(8) -> a machine of 8 cores, whose user says nothing about threads."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return lambda count: monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))


@pytest.fixture
def gpus(monkeypatch):
    """gpus(4) -> a machine of 4 GPUs, to torch's own eyes."""
    import torch

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_cpu_cores_are_shared_out(cores):
    cores(8)
    assert [slot.environment for slot in slots("cpu", 2)] == [{"OMP_NUM_THREADS": "4"}] * 2
    assert [slot.environment for slot in slots("cpu", 3)] == [{"OMP_NUM_THREADS": "2"}] * 3
    assert len(slots("cpu", None)) == 8
    # Eight copies of a large model would not fit into memory: one, with all the threads.
    (alone,) = slots("cpu", None, small=False)
    assert alone.environment == {"OMP_NUM_THREADS": "8"}


def test_the_number_of_threads_that_the_user_sets_is_kept(cores, gpus, monkeypatch):
    cores(16)
    gpus(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for slot in [*slots("cpu", 2), *slots("cuda", 2)]:
        assert slot.environment.get("OMP_NUM_THREADS", "3") == "3"


def test_every_worker_sees_a_gpu_of_its_own(cores, gpus, monkeypatch):
    cores(16)
    gpus(4)
    found = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots("cuda", None)]
    assert found == ["0", "1", "2", "3"]
    assert {slot.environment["OMP_NUM_THREADS"] for slot in slots("cuda", 2)} == {"8"}
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots("cuda:2", None)] == ["2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots("cuda", None)] == ["5", "7"]
    with pytest.raises(UsageError, match="3 workers want a GPU each, and there are 2"):
        slots("cuda", 3)


class Heard(SweepObserver):
    def __init__(self):
        self.over = []

    def finished(self, job, worker, result):
        self.over.append((job.run_id, result.outcome))


def job(name, tmp_path):
    return Job(name, name, RunRequest(), "cpu", None, tmp_path / f"{name}.lock", "e")


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "1/0"])
def test_a_worker_that_dies_costs_its_own_jobs_and_says_why(monkeypatch, tmp_path, program):
    monkeypatch.setattr(local, "PROGRAM", ("-c", program))
    heard = Heard()
    with closing(Local(Local.Options(workers=2))) as executor:
        results = executor.run([job("a", tmp_path), job("b", tmp_path)], heard)
    assert sorted(heard.over) == [("a", "failed"), ("b", "failed")]
    assert all("died" in str(result.error) for result in results)


def test_a_watcher_that_breaks_ends_the_sweep_with_its_error(monkeypatch, tmp_path):
    class Broken(SweepObserver):
        def started(self, job, worker):
            raise ZeroDivisionError

    with closing(Local(Local.Options(workers=2))) as executor, pytest.raises(ZeroDivisionError):
        executor.run([job("a", tmp_path), job("b", tmp_path)], Broken())
