"""What a Ray worker returns is written into the records of its own job, and nowhere else."""

import gzip
import hashlib
import json
from types import SimpleNamespace

import pytest

from unharness.records.run_file import file_of
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Job, SweepObserver
from unharness.sweeps.executors.on_ray import OnRay


class Heard(SweepObserver):
    def __init__(self):
        self.results = []

    def finished(self, job, worker, result):
        self.results.append(result)


class Cluster:
    """A cluster of one node that answers at once, as `ray` is seen by the executor."""

    def __init__(self, files):
        self.files = files

    def cluster_resources(self):
        return {"CPU": 1}

    def remote(self, function):
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda _: object()))

    def wait(self, refs, **_):
        return refs, []

    def get(self, ref):
        return [{"outcome": "done", "seconds": 1.0, "value": 1.0, "files": dict(self.files)}]


@pytest.fixture
def receive(tmp_path):
    """receive(run_id, files) -> the result, once a worker has returned those files."""

    def call(run_id, files, *other_runs, **request):
        root = tmp_path / "results"
        locks = {name: root / ".locks" / f"{name}.lock" for name in (run_id, *other_runs)}
        job = Job(
            *(run_id, "a job", RunRequest(**request), "cpu", None, locks[run_id], "e"),
            results=root,
            records=locks,
        )
        executor, heard = OnRay(), Heard()
        executor._ray = Cluster(files)
        executor.run([job], heard)
        [result] = heard.results
        return result

    return call


def files_of(record, rows=None):
    """The files of a record as a worker names them, its examples included."""
    spec = record.spec
    place = f"{spec.task}/{spec.model}/{spec.method}/{record.run_id}"
    found = {}
    if rows is not None:
        content = gzip.compress(json.dumps(rows).encode())
        digest = hashlib.sha256(content).hexdigest()
        name = f"examples-{digest[:12]}.jsonl.gz"
        record.artifacts["examples"] = {"path": name, "sha256": digest, "bytes": len(content)}
        found[f"{place}/{name}"] = content
    return found | {f"{place}/run.json": file_of(record).model_dump_json().encode()}


def stored(tmp_path):
    root = tmp_path / "results"
    return read(
        {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }
    )


def read(files):
    """Files by name, records as values: their layout does not count."""
    return {
        name: json.loads(content) if name.endswith("run.json") else content
        for name, content in files.items()
    }


def test_a_failed_record_gives_way_to_what_a_worker_returns(receive, make_record, save, tmp_path):
    save(make_record(status="failed", error="out of memory"))
    new = make_record()
    files = files_of(new, {"a": 1})
    assert receive(new.run_id, files).outcome == "done"
    assert stored(tmp_path) == read(files)


def test_examples_of_a_record_that_is_replaced_go(receive, make_record, save, tmp_path):
    old = make_record(status="failed")
    files = files_of(old, {"old": 1})
    receive(old.run_id, files)
    assert stored(tmp_path) == read(files)
    files = files_of(new := make_record(), {"new": 1})
    receive(new.run_id, files)
    assert stored(tmp_path) == read(files)


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_record_that_is_done_stays(status, receive, make_record, save, tmp_path):
    done = make_record(finished="2026-01-02T00:00:00+00:00")
    save(done)
    before = stored(tmp_path)
    receive(done.run_id, files_of(make_record(status=status), {"a": 1}))
    assert stored(tmp_path) == before


def test_force_replaces_the_own_record_alone(receive, make_record, save, tmp_path):
    own, target = make_record(), make_record("vanilla")
    save(own, target)
    before = stored(tmp_path)
    again = make_record(finished="2026-01-02T00:00:00+00:00")
    vanilla = make_record("vanilla", finished="2026-01-02T00:00:00+00:00")
    files = files_of(again, {"a": 1})
    receive(own.run_id, files | files_of(vanilla), target.run_id, force=True)
    assert stored(tmp_path) == before | read(files)


def other_run(record):
    return record.model_copy(update={"run_id": "0123456789abcdef"})


HOSTILE = {
    "an absolute path": lambda good, path: {str(path / "outside" / "x"): b"x"},
    "a way out": lambda good, path: {"../outside/x": b"x"},
    "a way out by the run": lambda good, path: {
        f"{next(iter(good)).rpartition('/')[0]}/../../../../../outside/x": b"x"
    },
    "a record below": lambda good, path: {
        f"{next(iter(good)).rpartition('/')[0]}/deeper/run.json": b"{}"
    },
    "another file of the run": lambda good, path: {
        f"{next(iter(good)).rpartition('/')[0]}/.bashrc": b"x"
    },
    "weights": lambda good, path: {
        f"{next(iter(good)).rpartition('/')[0]}/weights/model.safetensors": b"x"
    },
    "another method's folder": lambda good, path: {
        next(iter(good)).replace("memflex", "kl"): next(iter(good.values()))
    },
    "a lock": lambda good, path: {".locks/x.lock": b"x"},
    "examples that no record names": lambda good, path: {
        f"{next(iter(good)).rpartition('/')[0]}/examples-0123456789ab.jsonl.gz": b"x"
    },
    "a record that is none": lambda good, path: {next(iter(good)): b"{}"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_worker_writes_nothing_else(case, receive, make_record, tmp_path):
    record = make_record()
    good = files_of(record)
    (tmp_path / "outside").mkdir()
    result = receive(record.run_id, good | HOSTILE[case](good, tmp_path))
    assert result.outcome == "failed"
    assert "returned" in str(result.error)
    assert len(str(result.error)) < 1000
    assert not (tmp_path / "results").exists() or stored(tmp_path) == {}
    assert list((tmp_path / "outside").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"results", "outside"}


def test_a_record_whose_settings_were_changed_is_refused(receive, make_record, tmp_path):
    record = make_record(config={"lr": 0.1})
    files = files_of(record)
    edited = {name: text.replace(b"0.1", b"0.2") for name, text in files.items()}
    assert receive(record.run_id, edited).outcome == "failed"
    assert not (tmp_path / "results").exists()
