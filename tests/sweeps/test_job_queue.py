import threading
import time

from unharness.cache import locked
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Job
from unharness.sweeps.executors.job_queue import JobQueue


def job(name, tmp_path, target="t", engine="e"):
    return Job(
        run_id=name,
        label=name,
        request=RunRequest(),
        device="cpu",
        target=tmp_path / target,
        lock=tmp_path / f"{name}.lock",
        engine=engine,
    )


def test_a_missing_target_is_made_by_one_worker_and_the_others_wait(tmp_path):
    queue = JobQueue([job("a", tmp_path), job("b", tmp_path), job("c", tmp_path, target="u")])
    first = queue.take(None)
    assert first.run_id == "a"
    assert queue.take(None).run_id == "c"  # of another target; b must wait for a's

    taken = []
    waiting = threading.Thread(target=lambda: taken.append(queue.take(None)))
    waiting.start()
    time.sleep(0.5)
    assert not taken
    (tmp_path / "t").mkdir()  # it is there long before the run itself is over
    waiting.join(5)
    assert [one.run_id for one in taken] == ["b"]


def test_a_target_that_failed_is_tried_by_the_next(tmp_path):
    queue = JobQueue([job("a", tmp_path), job("b", tmp_path)])
    queue.over(queue.take(None))
    assert queue.take(None).run_id == "b"
    assert queue.take(None) is None


def test_jobs_of_the_engine_at_hand_go_first(tmp_path):
    (tmp_path / "t").mkdir()
    jobs = [job("a", tmp_path, engine="x"), job("b", tmp_path, engine="y"), job("c", tmp_path)]
    queue = JobQueue(jobs)
    assert queue.take("y").run_id == "b"
    assert queue.take("e").run_id == "c"


def test_what_another_sweep_is_at_comes_last(tmp_path):
    (tmp_path / "t").mkdir()
    queue = JobQueue([job("a", tmp_path), job("b", tmp_path)])
    with locked(tmp_path / "a.lock"):
        assert queue.take(None).run_id == "b"
        assert queue.take(None).run_id == "a"  # nothing else is left: wait for it there


def test_a_closed_queue_hands_out_nothing(tmp_path):
    queue = JobQueue([job("a", tmp_path)])
    queue.close()
    assert queue.take(None) is None


def test_nothing_starts_while_it_may_not_and_all_ends_when_it_shall(tmp_path):
    (tmp_path / "t").mkdir()
    said = ["wait"]
    queue = JobQueue([job("a", tmp_path), job("b", tmp_path)], lambda: said[-1])
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(queue.take(None)))
    waiting.start()
    time.sleep(0.5)
    assert not taken
    said.append("start")
    waiting.join(5)
    assert [one.run_id for one in taken] == ["a"]
    said.append("end")
    assert queue.take(None) is None
