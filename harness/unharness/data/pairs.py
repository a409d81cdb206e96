"""Reading question-answer pairs from a JSON file, with errors that say where and what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unharness.data.examples import Example
from unharness.errors import DataError


def read_pairs(path: Path, split: str, prompt_key: str, answer_key: str) -> tuple[Example, ...]:
    """Read a JSON list of objects that hold a question and an answer.

    Raises:
        DataError: the file cannot be read, is not JSON, or an item is not as expected.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise DataError(f"{path}: not JSON ({error})") from error
    return pairs_to_examples(rows, str(path), split, prompt_key, answer_key)


def pairs_to_examples(
    rows: Any, place: str, split: str, prompt_key: str, answer_key: str
) -> tuple[Example, ...]:
    """Turn a list of mappings into examples; keys other than the two become `meta`.

    Raises:
        DataError: names `place`, the index of the bad item and what was expected.
    """
    if not isinstance(rows, list):
        raise DataError(f"{place}: expected a list of items, got {kind_of(rows)}")
    return tuple(
        _example(row, f"{place}: item {index}", f"{split}/{index:04d}", prompt_key, answer_key)
        for index, row in enumerate(rows)
    )


def _example(row: Any, place: str, identifier: str, prompt_key: str, answer_key: str) -> Example:
    if not isinstance(row, Mapping):
        raise DataError(
            f"{place}: expected an object with {prompt_key!r} and {answer_key!r}, "
            f"got {kind_of(row)}"
        )
    for key in (prompt_key, answer_key):
        if key not in row:
            raise DataError(f"{place}: no {key!r}; expected {prompt_key!r} and {answer_key!r}")
        value = row[key]
        if not isinstance(value, str):
            raise DataError(f"{place}: {key!r} is {kind_of(value)}; expected a string")
        if not value.strip():
            raise DataError(f"{place}: {key!r} is empty; expected some text")
        if not _encodable(value):
            raise DataError(f"{place}: {key!r} holds a lone surrogate; expected valid Unicode")
    meta = _meta(row, (prompt_key, answer_key))
    return Example(identifier, row[prompt_key], row[answer_key], meta=meta)


def _meta(row: Mapping[str, Any], without: Iterable[str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in row.items() if key not in without}


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
