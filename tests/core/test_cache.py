"""The cache: built once, and never half."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from unharness.cache import cache_dir, cached_folder

KEY = "ab" * 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def _content(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")


def test_it_builds_once(cache: Path):
    calls: list[Path] = []

    def build(folder: Path) -> None:
        assert list(folder.iterdir()) == []
        calls.append(folder)
        (folder / "weights").write_text("w")

    assert cached_folder("models", KEY, build) == (cache / "models" / KEY, False)
    assert cached_folder("models", KEY, build) == (cache / "models" / KEY, True)
    assert len(calls) == 1
    assert (cache / "models" / KEY / "weights").read_text() == "w"
    assert _visible(cache / "models") == [KEY]


def test_keys_and_kinds_are_apart(cache: Path):
    for kind, key in [("models", "aa"), ("models", "bb"), ("data", "aa")]:
        folder, cached = cached_folder(kind, key, lambda folder: (folder / "x").touch())
        assert not cached
        assert folder == cache / kind / key


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)])
def test_a_failed_build_leaves_nothing(error: BaseException, cache: Path):
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        cached_folder("models", KEY, build)
    assert _visible(cache / "models") == []
    folder, cached = cached_folder("models", KEY, lambda folder: (folder / "whole").touch())
    assert not cached
    assert _content(folder) == ["whole"]


BUILDER = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    from unharness.cache import cached_folder

    log, start = Path(sys.argv[1]), Path(sys.argv[2])

    def build(folder):
        with log.open("a") as handle:
            handle.write(f"{os.getpid()}\\n")
        (folder / "half").write_text("half")
        time.sleep(float(sys.argv[3]))
        (folder / "whole").write_text("whole")

    start.with_name(f"ready-{os.getpid()}").touch()
    while not start.exists():
        time.sleep(0.005)
    folder, cached = cached_folder("models", "KEY", build)
    assert (folder / "whole").read_text() == "whole"
    print(cached)
    """
).replace("KEY", KEY)


def _wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.01)


def test_two_processes_build_once(cache: Path, tmp_path: Path):
    log, start = tmp_path / "log", tmp_path / "start"
    command = [sys.executable, "-c", BUILDER, str(log), str(start), "0.3"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    _wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == 2)
    start.touch()
    outputs = sorted(process.communicate(timeout=30)[0].strip() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == ["False", "True"]
    assert len(log.read_text().splitlines()) == 1
    assert _visible(cache / "models") == [KEY]


def test_a_killed_build_counts_for_nothing_and_is_cleared_away(cache: Path, tmp_path: Path):
    log, start = tmp_path / "log", tmp_path / "start"
    start.touch()
    command = [sys.executable, "-c", BUILDER, str(log), str(start), "60"]
    process = subprocess.Popen(command)
    _wait_for(lambda: list((cache / "models").glob(".*/half")) if cache.exists() else False)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    assert not (cache / "models" / KEY).exists()
    # The next build does not wait for the dead one, and takes its leftovers away.
    folder, cached = cached_folder("models", KEY, lambda folder: (folder / "whole").touch())
    assert not cached
    assert _content(folder) == ["whole"]
    assert _visible(cache / "models") == [KEY]


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.setenv("UNHARNESS_CACHE", "~/somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "somewhere"
    monkeypatch.delenv("UNHARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir().name == "unharness"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "a flipped bit": lambda folder: _flip(folder / "deep" / "weights"),
    "a truncated file": lambda folder: _truncate(folder / "deep" / "weights"),
    "a missing file": lambda folder: (folder / "training.json").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest of no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "a manifest of another form": lambda folder: (folder / "manifest.json").write_text("[1]"),
    "a manifest without hashes": lambda folder: (folder / "manifest.json").write_text(
        '{"files": {"training.json": {"bytes": 2}}}'
    ),
    "an empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "a file in its place": lambda folder: (shutil.rmtree(folder), folder.write_text("x")),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_entry_is_made_anew_with_a_note(case: str, cache: Path):
    built, notes = [], []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "deep").mkdir()
        (folder / "deep" / "weights").write_bytes(bytes(range(256)))
        (folder / "training.json").write_text("{}")

    folder, _ = cached_folder("models", KEY, build)
    DAMAGE[case](folder)
    assert cached_folder("models", KEY, build, notes.append) == (folder, False)
    assert len(built) == 2
    assert (folder / "deep" / "weights").read_bytes() == bytes(range(256))
    [note] = notes
    assert "made anew" in note
    assert str(folder) in note
    assert "\n" not in note
    assert _visible(cache / "models") == [KEY]
    assert cached_folder("models", KEY, build, notes.append) == (folder, True)
    assert len(notes) == 1
