"""What the cache is found to hold, what is cleared, and what is found damaged."""

import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unharness.cache import cached_folder, fill_folder, locked
from unharness.cache_limit import TRAININGS, UNLEARNED
from unharness.maintenance.cache_check import entry_problem, safetensors_problem
from unharness.maintenance.cache_cleaning import remove_entry, remove_leftovers
from unharness.maintenance.cache_contents import ROOMS, cache_entries, leftovers, room_names

write_tensor = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["write_tensor"]

ONE, TWO = "1" * 64, "2" * 64
LONG_AGO = time.time() - 30 * 86400


def grow_old(path):
    os.utime(path, (LONG_AGO, LONG_AGO))


def test_every_kind_that_is_kept_has_a_room():
    from unharness.evaluation import suite_data, suite_plan
    from unharness.models import file_hashes, pretrained, trained, unlearned
    from unharness.unlearning import own_answers

    modules = (suite_data, suite_plan, file_hashes, pretrained, trained, unlearned, own_answers)
    assert {module.KIND for module in modules} | {UNLEARNED, TRAININGS} <= set(ROOMS)


def test_entries_have_sizes_and_the_least_recently_used_comes_first(add, cache):
    first, second = add("models", ONE), add("unlearned", TWO)
    grow_old(second / "manifest.json")
    (cache / "hashes").mkdir()
    (cache / "hashes" / f"{ONE}.json").write_text("{}")
    assert room_names() == ["models", "unlearned", "hashes"]
    found = cache_entries()
    assert [entry.path for entry in found] == [second, first, cache / "hashes" / f"{ONE}.json"]
    assert found[0].bytes == sum(path.stat().st_size for path in second.iterdir())
    cached_folder("unlearned", TWO, lambda folder: None)  # a use
    assert [entry.room for entry in cache_entries()][-1] == "unlearned" or (
        time.time() - cache_entries("unlearned")[0].used < 60
    )


def test_what_a_process_holds_is_not_removed(add):
    folder = add("models", ONE)
    [entry] = cache_entries()
    for lock in entry.locks:
        with locked(lock):
            assert entry.in_use
            assert not remove_entry(entry)
            assert folder.is_dir()
    assert not entry.in_use
    assert remove_entry(entry)
    assert cache_entries() == []
    assert not [path for path in folder.parent.iterdir() if path.is_dir()]


def test_what_dead_processes_left_is_found_and_what_lives_is_not(cache):
    models = cache / "models"
    unfinished, damaged = models / f".{ONE}-abc123", models / f".{TWO}-damaged-77"
    building, key = models / f".{'3' * 64}-x", "3" * 64
    for folder in (unfinished, damaged, building):
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"12345")
    old, new = models / f".{'4' * 64}.use.lock", models / f".{'5' * 64}.lock"
    for lock in (old, new):
        lock.touch()
    grow_old(old)
    (cache / "data").mkdir()
    half = cache / "data" / ".new-abc"
    half.mkdir()
    grow_old(half)
    logs = cache / "logs"
    logs.mkdir()
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    dead, alive = logs / f"worker-{ended.pid}-1.log", logs / f"worker-{os.getpid()}-1.log"
    recent = logs / "vllm-20260101-000000-000000.log"
    for log in (dead, alive, recent):
        log.touch()
    grow_old(dead)
    with locked(models / f".{key}.lock"):
        found = {one.path: one for one in leftovers()}
    assert set(found) == {unfinished, damaged, old, half, dead}
    assert found[unfinished].what == "an unfinished entry"
    assert found[unfinished].bytes == 5
    assert found[damaged].what == "a damaged entry"
    assert [entry.in_use for entry in cache_entries("logs") if entry.path == alive] == [True]
    remove_leftovers(found.values())
    assert {one.path for one in leftovers()} == {building}  # its lock is free now


def test_scratch_of_a_dead_engine_is_left_over_and_of_a_living_one_in_use(cache):
    import fcntl

    folder = cache / "scratch" / "unharness-vllm-x"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert leftovers() == []
        [entry] = cache_entries("scratch")
        assert entry.in_use
    assert [one.path for one in leftovers()] == [folder]


def test_weights_that_a_dead_engine_left_in_memory_are_found(cache, tmp_path, monkeypatch):
    import fcntl

    from unharness.engines.vllm import scratch

    monkeypatch.setattr(scratch, "MEMORY", tmp_path / "shm")
    ours, others = tmp_path / "shm" / "unharness-vllm-a", tmp_path / "shm" / "somebody-else"
    for folder in (ours, others):
        folder.mkdir(parents=True)
        (folder / ".lock").touch()
        (folder / "weights").write_bytes(b"1234")
    with (ours / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert leftovers() == []
    assert [(one.path, one.bytes) for one in leftovers()] == [(ours, 4)]


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def test_a_flipped_bit_is_found_by_hashes_and_a_cut_file_by_sizes(add):
    folder = add("models", ONE)
    [entry] = cache_entries()
    assert entry_problem(entry) == ""
    flip(folder / "w.safetensors")
    assert "SHA-256" in entry_problem(entry)
    assert entry_problem(entry, hashes=False) == ""
    (folder / "w.safetensors").write_bytes(b"short")
    assert "5 bytes instead of" in entry_problem(entry, hashes=False)
    (folder / "manifest.json").unlink()
    assert "manifest.json is missing" in entry_problem(entry)


def test_a_note_of_no_json_is_damaged(cache):
    (cache / "suites").mkdir()
    path = cache / "suites" / f"{ONE}.json"
    path.write_text(json.dumps({"answer": 1, "sha256": "x"}))
    [entry] = cache_entries()
    assert entry_problem(entry) == ""
    path.write_text("{")
    assert "cannot be read" in entry_problem(entry)
    path.write_text("[1]")
    assert "no note" in entry_problem(entry)


@pytest.mark.parametrize(
    ("content", "claimed", "problem"),
    [(b"1234", None, ""), (b"1234", 8, "4 bytes of tensors instead of 8"), (b"1234", 2, "instead")],
)
def test_a_header_that_does_not_fit_its_file_is_found(tmp_path, content, claimed, problem):
    write_tensor(tmp_path / "w.safetensors", content, claimed=claimed)
    found = safetensors_problem(tmp_path / "w.safetensors")
    assert problem in found
    assert bool(found) == bool(problem)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"\x01" * 20])
def test_what_is_no_safetensors_file_is_said(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    assert "w.safetensors" in safetensors_problem(tmp_path / "w.safetensors")


def test_states_of_trainings_are_checked(cache):
    state = cache / "trainings" / f"{ONE}-1" / "00000003"
    state.parent.mkdir(parents=True)
    fill_folder(state, lambda folder: (folder / "state.json").write_text("{}") and None)
    [entry] = cache_entries("trainings")
    assert entry_problem(entry) == ""
    (state / "state.json").write_text("[]")
    assert "SHA-256" in entry_problem(entry)
