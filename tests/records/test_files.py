"""Files appear whole or not at all."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unharness.records.files import (
    describe_file,
    read_json_lines,
    whole_file,
    write_json,
    write_json_lines,
)


def test_a_file_is_written_whole_with_its_folders(tmp_path: Path):
    path = tmp_path / "a" / "b" / "file"
    with whole_file(path) as handle:
        handle.write(b"half ")
        assert not path.exists()
        handle.write(b"whole")
    assert path.read_bytes() == b"half whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"old"])
def test_an_exception_leaves_what_was_there(
    before: bytes | None, error: BaseException, tmp_path: Path
):
    path = tmp_path / "file"
    if before:
        path.write_bytes(before)

    def write() -> None:
        with whole_file(path) as handle:
            handle.write(b"new")
            raise error

    with pytest.raises(type(error)):
        write()
    assert [item.name for item in tmp_path.iterdir()] == (["file"] if before else [])
    assert not before or path.read_bytes() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_a_value_that_json_cannot_hold_leaves_what_was_there(value: Any, tmp_path: Path):
    path, lines = tmp_path / "value.json", tmp_path / "rows.jsonl.gz"
    write_json(path, {"old": 1})
    write_json_lines(lines, [{"old": 1}])
    with pytest.raises((ValueError, TypeError)):
        write_json(path, {"new": value})
    with pytest.raises((ValueError, TypeError)):
        write_json_lines(lines, [{"fine": 1}, {"new": value}])
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(read_json_lines(lines)) == [{"old": 1}]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_colleague_may_read_it(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_json(tmp_path / "value.json", 1)
        assert (tmp_path / "value.json").stat().st_mode & 0o777 == 0o644
        assert os.umask(0o022) == 0o022  # asking for it does not change it
    finally:
        os.umask(before)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_writing_never_touches_the_umask_that_all_threads_share(
    umask: int, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changed: list[int] = []
    set_umask = os.umask

    def watched(value: int) -> int:
        changed.append(value)
        return set_umask(value)

    before = set_umask(umask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", watched)
            write_json(tmp_path / "value.json", 1)
    finally:
        set_umask(before)
    assert changed == []
    assert (tmp_path / "value.json").stat().st_mode & 0o777 == mode


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path):
    (tmp_path / "value.json" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="value.json"):
        write_json(tmp_path / "value.json", 1)
    assert [item.name for item in tmp_path.iterdir()] == ["value.json"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(values, max_size=6))
def test_json_lines_come_back_as_they_were(rows: list[Any], tmp_path: Path):
    path = tmp_path / "rows.jsonl.gz"
    assert write_json_lines(path, iter(rows)) == len(rows)
    assert list(read_json_lines(path)) == rows
    with gzip.open(path, "rb") as handle:
        assert handle.read().count(b"\n") == len(rows)


def test_line_separators_of_unicode_separate_nothing(tmp_path: Path):
    rows = ["a\u2028b\u2029c\x85d\x0be\r\nf", "g"]
    write_json_lines(tmp_path / "rows.gz", rows)
    assert list(read_json_lines(tmp_path / "rows.gz")) == rows


def test_equal_rows_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import time

    rows = [{"b": 1, "a": "é"}, [1.5, None]]
    one, two = tmp_path / "one.jsonl.gz", tmp_path / "folder" / "another.jsonl.gz"
    write_json_lines(one, rows)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    write_json_lines(two, rows)
    assert one.read_bytes() == two.read_bytes()


def test_json_is_readable_text(tmp_path: Path):
    write_json(tmp_path / "value.json", {"name": "Ünïcode 是", "n": [1]})
    text = (tmp_path / "value.json").read_text(encoding="utf-8")
    assert "Ünïcode 是" in text
    assert text.endswith("}\n")


def test_a_file_is_described(tmp_path: Path):
    path = tmp_path / "run" / "file"
    with whole_file(path) as handle:
        handle.write(b"content")
    assert describe_file(path, tmp_path) == {
        "path": "run/file",
        "sha256": hashlib.sha256(b"content").hexdigest(),
        "bytes": 7,
    }
