"""What is stored is checked when it is used, and replaced as a whole."""

import hashlib
import json
import os
import shutil
import sys
import time

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def few(main_here, checkpoint, data_folder, tmp_path, monkeypatch):
    """few(*words) -> exit code, record and errors of a short run in a cache of its own."""
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))

    def full(*words):
        given = ["--model", checkpoint("qwen2"), "--tuning", "full", "--suite", "none"]
        given += ["--data", data_folder, "--limit", "4", "--limit-train", "4", "--epochs", "1"]
        given += ["--results", tmp_path / "results", "--format", "json"]
        given += ["--target-set", "epochs=2", "--max-new-tokens", "8"]
        return ["run", "--method", "gradient-ascent", *given, *words]

    def call(*words):
        code, output, errors = main_here(*full(*words))
        return code, json.loads(output) if code == 0 else None, errors

    call.words = full
    return call


def _flip_bytes(path, count=2000):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = bytes(
        byte ^ 0x55 for byte in content[middle : middle + count]
    )
    path.write_bytes(bytes(content))


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "flipped": lambda entry: _flip_bytes(entry / "model.safetensors"),
    "truncated": lambda entry: _truncate(entry / "model.safetensors"),
    "missing": lambda entry: (entry / "tokenizer.json").unlink(),
    "bad log": lambda entry: (entry / "training.json").write_text('{"steps": 1}'),
}


def test_a_damaged_target_is_trained_anew(few, tmp_path):
    def run(seed):
        code, record, errors = few("--seed", seed)
        assert code == 0, errors
        return record["target"], errors

    first, errors = run(0)
    assert not first["cached"]
    assert "made anew" not in errors
    for seed, damage in enumerate(DAMAGE.values(), 1):
        [entry] = [path for path in (tmp_path / "cache" / "models").glob("*") if path.is_dir()]
        damage(entry)
        target, errors = run(seed)
        assert target["weights_hash"] == first["weights_hash"]
        assert not target["cached"]
        assert errors.count("made anew") == 1
        assert "Traceback" not in errors
    target, errors = run(9)
    assert target["cached"]
    assert "made anew" not in errors


KINDS = ("examples", "per_example", "observations", "weights")


def _whole(folder):
    """The record of a folder, once every file that it names has been found as it says."""
    [record] = json.loads((folder / "run.json").read_text())["evaluations"].values()
    for name in ("examples", "observations"):
        facts = record["artifacts"][name]
        content = (folder / facts["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    weights = record["artifacts"]["weights"]
    assert weights["files"]
    for name, facts in weights["files"].items():
        content = (folder / weights["path"] / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    return record


def _make_other(folder):
    """Make an older record of it, with other files beside it: a run again gives the same."""
    content = json.loads((folder / "run.json").read_text())
    [record] = content["evaluations"].values()
    weights = record["artifacts"]["weights"]
    endings = {"examples": "jsonl.gz", "per_example": "npz", "observations": "zip"}
    for name, ending in endings.items():
        facts = record["artifacts"][name]
        (folder / facts["path"]).unlink()
        facts["sha256"] = hashlib.sha256(b"old").hexdigest()
        facts["path"] = f"{name.replace('_', '-')}-{facts['sha256'][:12]}.{ending}"
        (folder / facts["path"]).write_bytes(b"old")
    (folder / weights["path"]).rename(folder / "weights-000000000000")
    weights["path"] = "weights-000000000000"
    config = folder / weights["path"] / "config.json"
    config.write_text(config.read_text() + " ")
    weights["files"]["config.json"]["sha256"] = hashlib.sha256(config.read_bytes()).hexdigest()
    record["started"] = "old"
    (folder / "run.json").write_text(json.dumps(content))


def _in_a_child(words, at_change, folder):
    """Run the command line in a child that calls before each change of names in a folder."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code, count = 1, 0

    def hook(event, arguments):
        nonlocal count
        changes = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
        if event in changes and str(arguments[0]).startswith(str(folder)):
            count += 1
            at_change(count)

    try:
        import torch

        from unharness.cli.main import main

        torch.set_num_threads(1)  # a forked process has none of its parent's threads
        sys.addaudithook(hook)
        main([str(word) for word in words])
    except SystemExit as stopped:
        code = stopped.code
    finally:
        os._exit(code)


def _die_at(number):
    return lambda count: os._exit(99) if count == number else None


def test_a_killed_replacement_leaves_the_old_record_or_the_new_one(few, main_here, tmp_path):
    """What a kill before each change of names would leave is kept as one run goes past it."""
    code, made, errors = few("--save-weights")
    assert code == 0, errors
    [folder] = tmp_path.glob(f"results/*/*/*/{made['run_id']}")
    words, states = ["--force", "--save-weights"], tmp_path / "states"
    new = _whole(folder)
    _make_other(folder)
    old = _whole(folder)

    def keep(count):
        shutil.copytree(folder, states / str(count))

    def whole():
        found = _whole(folder)
        which = "old" if found["started"] == "old" else "new"
        named = {key: found["artifacts"][key] for key in KINDS}
        assert named == (old if which == "old" else new)["artifacts"]
        return which

    def only_what_is_named():
        names = {new["artifacts"][key]["path"] for key in KINDS}
        return {path.name for path in folder.iterdir()} == {"run.json", *names}

    assert _in_a_child(few.words(*words), keep, folder) == 0
    assert whole() == "new"
    assert only_what_is_named()
    seen = []
    for number in range(1, len(list(states.iterdir())) + 1):
        shutil.rmtree(folder)
        shutil.copytree(states / str(number), folder)
        seen.append(whole())
        if seen[-1] == "new":
            assert few(*words)[0] == 0  # what the killed one left is removed
            assert only_what_is_named()
    assert len(seen) > 5
    assert set(seen) == {"old", "new"}
    # A process that really dies leaves what was kept of the one that went on.
    for which in ("old", "new"):
        _make_other(folder)
        number = seen.index(which) + 1
        assert _in_a_child(few.words(*words), _die_at(number), folder) == 99
        assert whole() == which
        assert few(*words)[0] == 0
        assert only_what_is_named()


LISTENER = """
import os, time
from pathlib import Path
from unharness import hookimpl

@hookimpl
def unharness_step(run_id, step, values):
    place = Path(os.environ["MEETING"])
    if os.environ["MACHINE"] != "a" or (place / "writing").exists():
        return
    [record] = place.glob(f"results/*/*/*/{run_id}/run.json")
    half = record.with_name(".run.json-half")
    half.write_text("half")
    (place / "writing").touch()
    end = time.monotonic() + 200
    while not (place / "go").exists() and time.monotonic() < end:
        time.sleep(0.05)
    (place / "verdict").write_text("there" if half.exists() else "deleted")
"""


def test_two_machines_share_a_results_folder(begin, checkpoint, data_folder, tmp_path):
    site = tmp_path / "site"
    info = site / "listening-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "listening.py").write_text(LISTENER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: listening\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unharness]\nlistening = listening\n")
    words = ["--method", "gradient-ascent", "--model", checkpoint("qwen2"), "--suite", "none"]
    words += ["--data", data_folder, "--limit", "3", "--limit-train", "3", "--epochs", "1"]
    words += ["--results", tmp_path / "results", "--format", "json"]
    words += ["--target-set", "epochs=2", "--max-new-tokens", "8"]

    def start(machine):
        environment = {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
        environment |= {"MACHINE": machine, "MEETING": str(tmp_path)}
        environment |= {"UNHARNESS_CACHE": str(tmp_path / f"cache of {machine}")}
        return begin("run", *words, **environment)

    def until(condition):
        end = time.monotonic() + 200
        while not condition():
            assert time.monotonic() < end, "took too long"
            time.sleep(0.05)

    a = start("a")
    until(lambda: (tmp_path / "writing").exists() or a.over)
    b = start("b")
    until(lambda: "waiting" in b.errors() or b.over)
    (tmp_path / "go").touch()
    both = [one.result(200) for one in (a, b)]
    assert [one.returncode for one in both] == [0, 0], [one.stderr for one in both]
    assert (tmp_path / "verdict").read_text() == "there"
    first, second = (json.loads(one.stdout) for one in both)
    assert first == second  # one ran, the other waited and found the record
    # It belongs to what is shared: a machine that only looks needs no cache.
    assert list(tmp_path.glob("results/.locks/*.lock"))
