"""Rows of JSON: from a file or the hub, with errors that say where and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.errors import DataError


@dataclass(frozen=True)
class DataRow:
    """One row of a task's data: an object of JSON, and where it stands.

    Raises:
        DataError: what is asked for is not there; names the place and what was expected.
    """

    values: Mapping[str, Any]
    index: int
    """Among the rows of its file, from 0."""
    place: str
    """For messages: `FILE: item 3`."""
    keys: tuple[str, ...] = ()
    """What every row of the file must have; for messages."""

    def text(self, key: str) -> str:
        """Return a text that is not blank."""
        return self._text(self._value(key), repr(key))

    def optional_text(self, key: str) -> str:
        """Return a text that is not blank; empty where the row has none, null, or an empty one."""
        value = self.values.get(key)
        return "" if value is None or value == "" else self._text(value, repr(key))

    def texts(self, key: str, at_least: int = 1) -> tuple[str, ...]:
        """Return a list of texts, none of them blank."""
        value = self._value(key)
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
            raise self.error(f"{key!r} is {kind_of(value)}; expected a list of strings")
        if len(value) < at_least:
            raise self.error(f"{key!r} holds {len(value)}; expected {at_least} or more")
        return tuple(self._text(text, f"{key!r}[{at}]") for at, text in enumerate(value))

    def number(self, key: str, below: int) -> int:
        """Return a whole number from 0 to `below` - 1."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
            raise self.error(f"{key!r} is {value!r:.40}; expected a number from 0 to {below - 1}")
        return value

    def error(self, problem: str) -> DataError:
        """Return the error for a problem of this row."""
        return DataError(f"{self.place}: {problem}")

    def _value(self, key: str) -> Any:
        if key not in self.values:
            raise self.error(f"no {key!r}; expected {_listed(self.keys or (key,))}")
        return self.values[key]

    def _text(self, value: Any, shown: str) -> str:
        if not isinstance(value, str):
            raise self.error(f"{shown} is {kind_of(value)}; expected a string")
        if not value.strip():
            raise self.error(f"{shown} is empty; expected some text")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise self.error(f"{shown} holds a lone surrogate; expected valid Unicode") from None
        return value


def data_rows(values: Any, place: str, keys: tuple[str, ...] = ()) -> tuple[DataRow, ...]:
    """Return the rows of a list of mappings.

    Args:
        values: as JSON or the hub has them.
        place: where they are from.
        keys: what every row must have, in messages.

    Raises:
        DataError: it is no list, or holds something else.
    """
    if not isinstance(values, list):
        raise DataError(f"{place}: expected a list of items, got {kind_of(values)}")
    return tuple(data_row(value, index, place, keys) for index, value in enumerate(values))


def data_row(value: Any, index: int, place: str, keys: tuple[str, ...] = ()) -> DataRow:
    """Return one row; arguments and errors are those of `data_rows`."""
    row = DataRow(value, index, f"{place}: item {index}", keys)
    if not isinstance(value, Mapping):
        having = f" with {_listed(keys)}" if keys else ""
        raise row.error(f"expected an object{having}, got {kind_of(value)}")
    return row


def read_json_list(path: Path) -> list[Any]:
    """Return the values in a JSON list, or those on the lines of a file of JSON lines.

    Raises:
        DataError: the file cannot be read, or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith("{"):
            raise DataError(f"{path}: not JSON ({error})") from error
        return list(_lines(text, path))
    if isinstance(value, dict) and len(text.strip().split("\n")) == 1:
        return [value]  # one line of JSON lines
    if not isinstance(value, list):
        raise DataError(f"{path}: expected a list of items, got {kind_of(value)}")
    return value


def _lines(text: str, path: Path) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number}: not JSON ({error})") from error


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _listed(keys: Sequence[str]) -> str:
    return " and ".join(map(repr, keys))
