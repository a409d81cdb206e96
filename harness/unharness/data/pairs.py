"""Question-answer pairs as rows of JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unharness.data.examples import Example
from unharness.data.json_rows import DataRow, data_row, kind_of, read_json_list
from unharness.errors import DataError


def read_pairs(path: Path, split: str, prompt_key: str, answer_key: str) -> tuple[Example, ...]:
    """Read a JSON list, or JSON lines, of objects that hold a question and an answer.

    Raises:
        DataError: the file cannot be read, is not JSON, or an item is not as expected.
    """
    return pairs_to_examples(read_json_list(path), str(path), split, prompt_key, answer_key)


def pairs_to_examples(
    rows: Any, place: str, split: str, prompt_key: str, answer_key: str
) -> tuple[Example, ...]:
    """Turn a list of mappings into examples; keys other than the two become `meta`.

    Raises:
        DataError: names `place`, the index of the bad item and what was expected.
    """
    if not isinstance(rows, list):
        raise DataError(f"{place}: expected a list of items, got {kind_of(rows)}")
    keys = (prompt_key, answer_key)
    return tuple(
        pair_example(data_row(row, index, place, keys), split) for index, row in enumerate(rows)
    )


def pair_example(row: DataRow, split: str) -> Example:
    """Return the example of a row whose two keys are those of question and answer."""
    prompt, answer = map(row.text, row.keys)
    meta = _meta(row, row.keys)
    return Example(f"{split}/{row.index:04d}", prompt, answer, meta=meta)


def _meta(row: DataRow, without: Iterable[str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in row.values.items() if key not in without}
