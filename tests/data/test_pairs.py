"""Reading pairs: examples, or an error that names file, index and what was expected."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unharness.data.examples import Example
from unharness.data.pairs import pairs_to_examples, read_pairs
from unharness.errors import DataError

GOOD = {"text": "Who?", "labels": "She."}


def _read(path: Path) -> tuple[Example, ...]:
    return read_pairs(path, "forget_train", "text", "labels")


def test_pairs_become_examples(tmp_path: Path):
    path = tmp_path / "pairs.json"
    rows = [GOOD, {"text": " Ünïcode? ", "labels": "是\n", "author": "A", "page": 3}]
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert _read(path) == (
        Example("forget_train/0000", "Who?", "She."),
        # Texts are kept as they are, blanks included; the rest is meta, as text.
        Example("forget_train/0001", " Ünïcode? ", "是\n", meta={"author": "A", "page": "3"}),
    )


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", ["pairs.json", "pairs.jsonl"])
def test_lines_and_a_list_are_read_whatever_the_name(name: str, count: int, tmp_path: Path):
    rows = [{"text": f"{n}\u2028?", "labels": "She."} for n in range(count)]
    (tmp_path / "list.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (tmp_path / name).write_text("\n\n".join(lines) + "\n")
    assert _read(tmp_path / name) == _read(tmp_path / "list.json")


def test_an_empty_list_is_no_examples(tmp_path: Path):
    path = tmp_path / "pairs.json"
    path.write_text("[]")
    assert _read(path) == ()


DEEP = "[" * 100_000 + "]" * 100_000
BAD_FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("not JSON",)),
    "half": (b'[{"text": "a", "labels"', ("not JSON",)),
    "a bad line": (b'{"text": "a", "labels": "b"}\n\n{"text": "c", "la', ("line 3: not JSON",)),
    "a list on a line": (b'{"text": "a", "labels": "b"}\n[1]', ("item 1", "an object", "a list")),
    "latin-1": ('[{"text": "é", "labels": "b"}]'.encode("latin-1"), ("UTF-8",)),
    "utf-16": ('[{"text": "a", "labels": "b"}]'.encode("utf-16"), ("UTF-8",)),
    "deep": (DEEP.encode(), ("not JSON",)),
    "huge number": (b'[{"text": "a", "labels": "b", "n": ' + b"1" * 5000 + b"}]", ("not JSON",)),
    "null": (b"null", ("expected a list", "null")),
    "object": (b'{"train": []}', ("item 0: no 'text'; expected 'text' and 'labels'",)),
    "object on lines": (b'{"train":\n[]}', ("expected a list", "an object")),
    "string": (b'"text"', ("expected a list", "a string")),
    "number": (b"3", ("expected a list", "a number")),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named(case: str, tmp_path: Path):
    content, words = BAD_FILES[case]
    path = tmp_path / "pairs.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        _read(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            _read(path)


BAD_ITEMS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "string": ("word", ("an object", "'text'", "'labels'", "a string")),
    "list": (["a", "b"], ("an object", "a list")),
    "null": (None, ("an object", "null")),
    "boolean": (True, ("an object", "a boolean")),
    "empty object": ({}, ("no 'text'",)),
    "no text": ({"labels": "b"}, ("no 'text'",)),
    "no labels": ({"text": "a"}, ("no 'labels'",)),
    "null labels": ({"text": "a", "labels": None}, ("'labels' is null", "a string")),
    "number": ({"text": 3, "labels": "b"}, ("'text' is a number", "a string")),
    "list of answers": ({"text": "a", "labels": ["b"]}, ("'labels' is a list", "a string")),
    "empty text": ({"text": "", "labels": "b"}, ("'text' is empty",)),
    "blank labels": ({"text": "a", "labels": " \n\t "}, ("'labels' is empty",)),
    "surrogate": ({"text": "a", "labels": "b\ud800c"}, ("'labels'", "lone surrogate")),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_a_bad_item_is_named_with_its_index(case: str, tmp_path: Path):
    item, words = BAD_ITEMS[case]
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps([GOOD, GOOD, item, GOOD]))
    with pytest.raises(DataError) as caught:
        _read(path)
    for word in (f"{path}: item 2: ", *words):
        assert word in str(caught.value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=8)  # lone surrogates too
)
keys = st.sampled_from(["text", "labels"]) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
pairs = st.fixed_dictionaries({"text": scalars, "labels": scalars}, optional={"meta": values})


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(value=values | st.lists(pairs | values, max_size=5))
def test_any_json_gives_examples_or_a_data_error(value: Any, tmp_path: Path):
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps(value))
    if isinstance(value, dict):
        value = [value]  # a line of JSON lines
    try:
        rows = _read(path)
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        if isinstance(value, list):
            bad = [index for index, row in enumerate(value) if not _is_pair(row)]
            assert f"{path}: item {bad[0]}: " in str(error)
        return
    assert [(row.prompt, row.answer) for row in rows] == [
        (row["text"], row["labels"]) for row in value
    ]
    assert all(_is_pair(row) for row in value)
    assert len({row.id for row in rows}) == len(rows)


def _is_pair(row: Any) -> bool:
    """The contract, said a second time: an object with two non-blank strings of valid Unicode."""
    if not isinstance(row, dict):
        return False
    texts = [row.get("text"), row.get("labels")]
    return all(
        isinstance(text, str)
        and text.strip() != ""
        and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)
        for text in texts
    )


def test_rows_of_the_hub_may_be_any_mapping():
    from types import MappingProxyType

    rows = [MappingProxyType({"q": "a", "a": "b"})]
    (row,) = pairs_to_examples(rows, "hub", "s", "q", "a")
    assert (row.prompt, row.answer) == ("a", "b")
