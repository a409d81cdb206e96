"""Rows of a table in a file: JSON, JSON lines, CSV, TSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from unharness.data.json_rows import read_json_list
from unharness.errors import DataError

CSV, TSV, PARQUET = ".csv", ".tsv", ".parquet"
TABLES = (".jsonl", ".json", CSV, TSV, PARQUET)
"""Endings of the files that are read."""
_SEPARATORS = (",", ";", "\t")
_LONGEST_CELL = 2**31 - 1


def read_table(path: Path) -> list[Any]:
    """Return the rows of a file, by the ending of its name; any other ending is JSON.

    CSV and Parquet give the same rows for the same content: numbers and dates are texts, and a
    row lacks what is empty or null in it.

    Raises:
        DataError: there is no such file, or it cannot be read; says the line where there is one.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    ending = path.suffix.lower()
    if ending in (CSV, TSV):
        return list(_csv_rows(path, ending))
    if ending == PARQUET:
        return plain_rows(_parquet_rows(path))
    return read_json_list(path)


def plain_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return typed rows, as Parquet and the hub have them, as CSV would have them.

    Lists stay lists; what is null or an empty text is left out.
    """
    return [
        {str(key): _plain(value) for key, value in row.items() if value is not None and value != ""}
        for row in rows
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table as read_parquet

    try:
        found: list[dict[str, Any]] = read_parquet(path).to_pylist()
    except (ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise DataError(f"{path}: cannot be read as Parquet ({reason})") from error
    return found


def _csv_rows(path: Path, ending: str) -> Iterator[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    first = text.partition("\n")[0]
    separator = "\t" if ending == TSV else max(_SEPARATORS, key=first.count)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise DataError(f"{path}: no first line; expected the names of the columns")
        if twice := {name for name in header if name and header.count(name) > 1}:
            raise DataError(f"{path}: two columns are named {sorted(twice)[0]!r}")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path}: line {reader.line_num}: {len(cells)} cells; the first line names "
                    f"{len(header)} columns (a text with {separator!r} in it needs quotes)"
                )
            yield {name: cell for name, cell in zip(header, cells, strict=True) if name and cell}
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not CSV ({error})") from error
