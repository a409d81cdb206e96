"""Rows of tables in files: the same content gives the same rows, and errors say where."""

import datetime
from pathlib import Path

import pytest

from unharness.data.tables import plain_rows, read_table
from unharness.errors import DataError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'q,a\n"Where, and\nwhen?",Here\nWho?,\n'),
        ("a.csv", '\ufeffq;a\r\n"Where, and\nwhen?";Here\r\n\r\nWho?;\r\n'),
        ("a.tsv", '"q"\ta\n"Where, and\nwhen?"\tHere\nWho?\t\n'),
        ("a.CSV", 'q,,a\n"Where, and\nwhen?",7,Here\nWho?,8,\n'),
    ],
)
def test_csv_is_read_with_its_separator_and_without_empty_cells(name: str, text: str, tmp_path):
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read_table(path) == [{"q": "Where, and\nwhen?", "a": "Here"}, {"q": "Who?"}]


def test_parquet_is_read_as_csv_is(tmp_path: Path):
    import pyarrow
    from pyarrow.parquet import write_table

    rows = [
        {"q": "Where?", "n": 3, "day": datetime.date(2024, 2, 1), "list": ["a", "b"]},
        {"q": "Who?", "n": None, "day": None, "list": None},
    ]
    write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    first = {"q": "Where?", "n": "3", "day": "2024-02-01", "list": ["a", "b"]}
    assert read_table(tmp_path / "a.parquet") == [first, {"q": "Who?"}]
    assert plain_rows([{"x": 1.5, "y": "", "z": True}]) == [{"x": "1.5", "z": True}]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "no first line"),
        ("a.csv", b"q,q\n1,2\n", "two columns are named 'q'"),
        ("a.csv", b"q,a\n1,2\n1,2,3\n", r"line 3: 3 cells; the first line names 2 columns"),
        ("a.csv", b'q,a\n"1,2\n', "line 2: not CSV"),
        ("a.csv", b"q,a\n\xff,2\n", "cannot be read as UTF-8 text"),
        ("a.parquet", b"q,a\n", "cannot be read as Parquet"),
        ("a.jsonl", b"{", "not JSON"),
    ],
)
def test_what_cannot_be_read_is_an_error(name: str, content: bytes, words: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_table(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone\.csv: no such file"):
        read_table(tmp_path / "gone.csv")
