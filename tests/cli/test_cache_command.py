"""`unharness cache`: what it shows, asks and removes."""

import io
import json
import os
import time

import pytest

from unharness.cache import cached_folder, locked

KEYS = {"models": "a" * 64, "unlearned": "b" * 64}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("unharness.engines.vllm.scratch.MEMORY", tmp_path / "no-memory")
    for room, key in KEYS.items():
        cached_folder(room, key, lambda folder: (folder / "x").write_bytes(b"1234"))
    return tmp_path


def there(cache):
    return [room for room, key in KEYS.items() if (cache / room / key).is_dir()]


def test_rooms_and_entries_are_listed_with_sizes(call, cache):
    code, output, _ = call("cache")
    assert code == 0
    assert "target and retrained models" in output
    assert str(cache) in output
    found = json.loads(call("cache", "list", "models", "--format", "json")[1])
    assert [one["path"] for one in found] == [str(cache / "models" / KEYS["models"])]
    assert found[0]["bytes"] > 4
    size = json.loads(call("cache", "size", "--format", "json")[1])
    assert size["bytes"] >= 2 * found[0]["bytes"]


def test_nothing_is_removed_without_an_answer(call, cache):
    code, _, errors = call("cache", "clear", "--all")
    assert code == 2
    assert "--yes" in errors
    assert there(cache) == list(KEYS)


@pytest.mark.parametrize(("answer", "left"), [("n\n", list(KEYS)), ("y\n", ["unlearned"])])
def test_what_is_removed_is_asked(call, cache, monkeypatch, answer, left):
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code, output, _ = call("cache", "clear", "models")
    assert code == 0
    assert "Remove 1 entry of models, " in output
    assert there(cache) == left
    assert ("nothing was removed" in output) == (answer == "n\n")


def test_a_room_an_age_or_all_is_removed_and_what_is_in_use_is_left(call, cache):
    old = time.time() - 40 * 86400
    os.utime(cache / "unlearned" / KEYS["unlearned"] / "manifest.json", (old, old))
    code, output, _ = call("cache", "clear", "--older-than", "30d", "--yes")
    assert (code, there(cache)) == (0, ["models"])
    assert output.startswith("removed 1 entry, ")
    with locked(cache / "models" / f".{KEYS['models']}.lock"):
        code, _, errors = call("cache", "clear", "models", "--yes")
    assert (code, there(cache)) == (0, ["models"])
    assert "is in use" in errors
    assert call("cache", "clear", "--all", "--yes")[0] == 0
    assert there(cache) == []


def test_what_is_damaged_is_named_and_removed_with_fix(call, cache):
    assert call("cache", "verify")[0] == 0
    (cache / "models" / KEYS["models"] / "x").write_bytes(b"1235")
    code, output, _ = call("cache", "verify")
    assert code == 1
    assert "damaged: models/aaaa" in output
    assert "SHA-256" in output
    code, output, _ = call("cache", "verify", "--fix")
    assert (code, there(cache)) == (0, ["unlearned"])
    assert "removed: models/aaaa" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "modles"), "Did you mean models"),
        (("clear", "--older-than", "soon"), "such as 30d"),
        (("clear", "models", "--all"), "not both"),
    ],
)
def test_bad_input_gets_one_line(call, words, said):
    code, _, errors = call("cache", *words)
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1
