"""Files of facts that the user names one by one, in place of a folder of a task's data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unharness.data.layout import DataLayout, NamedFiles
from unharness.data.tables import TABLES, plain_rows, read_table
from unharness.errors import DataError, UsageError, short_value, suggestion
from unharness.hub import HubName
from unharness.strict_yaml import YamlError, load_yaml

FORGET, RETAIN = "forget", "retain"
"""The parts of a layout that `--data FILE` and `--retain FILE` are."""
LISTS = (".yaml", ".yml")
"""Endings of files that list files."""
COLUMNS = "columns"
INSTEAD = "a file in its place, such as facts.jsonl"
_DATASET = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?::([\w.-]+))?(?::([\w.-]+))?(?:@([\w./-]+))?")


def is_place(text: str) -> bool:
    """Whether what is given as a task says where facts are, instead of naming a task."""
    name = text.strip().partition(":")[0]
    ending = Path(name).suffix.lower()
    return "/" in name or name.startswith((".", "~")) or ending in (*TABLES, *LISTS)


@dataclass(frozen=True)
class HubTable:
    """One table of a dataset on the hub: `OWNER/NAME[:CONFIGURATION[:SPLIT]][@REVISION]`."""

    name: HubName
    config: str
    """Empty: the dataset's only one, or its default."""
    split: str

    @classmethod
    def of(cls, text: str) -> HubTable | None:
        """Return what a text names; None for a file that is there, and any other text."""
        found = _DATASET.fullmatch(text)
        if found is None or Path(text).suffix.lower() in (*TABLES, *LISTS):
            return None
        if Path(text).expanduser().exists():
            return None
        return cls(HubName(found[1], found[4]), found[2] or "", found[3] or "train")


@dataclass(frozen=True)
class NamedRows:
    """What was read."""

    rows: Mapping[str, list[Any]]
    """By part of the layout."""
    places: Mapping[str, str]
    """By part: the file, or the dataset."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """By dataset of the hub: the commit that was read."""


def names_files(requested: str) -> bool:
    """Whether `--data` names a file or a dataset on the hub, and no folder."""
    path = Path(requested).expanduser()
    if path.is_dir():
        return False
    known = path.suffix.lower() in (*TABLES, *LISTS)
    return known or path.is_file() or HubTable.of(requested) is not None


def read_named(
    requested: str, retain: str | None, columns: Mapping[str, str], layout: DataLayout
) -> NamedRows:
    """Read the files that a user names.

    Args:
        requested: a file of rows, a dataset on the hub, or a YAML file that lists files by part.
        retain: the file, or dataset, of what is to be kept; None: there is none, or `requested`
            has its rows as well.
        columns: by key of the task: what the files call it.
        layout: of the task.

    Raises:
        UsageError: the task has no such key.
        DataError: a file cannot be read, or lacks a column.
    """
    named = layout.named
    assert named is not None, "the layout reads no single files"
    places, listed = _listed(requested, layout)
    places |= {RETAIN: retain} if retain else {}
    columns = {**listed, **columns}
    _check_columns(columns, named)
    revisions: dict[str, str] = {}
    read = {part: _read(place, revisions) for part, place in places.items()}
    _check_present(columns, read, places)
    rows = {part: renamed(own, columns, named) for part, own in read.items()}
    if "" in rows:  # one file, whose rows may say themselves what they are
        own = rows.pop("")
        mixed = not retain and any(named.split_key in row for row in own if _is_row(row))
        part = named.mixed if mixed else FORGET
        rows = {part: own, **rows}
        places = {part: places[""], **{name: one for name, one in places.items() if name}}
    return NamedRows(rows, places, revisions)


def renamed(rows: Sequence[Any], columns: Mapping[str, str], named: NamedFiles) -> list[Any]:
    """Return rows under the keys of the task; where some are mapped, other columns are left out."""
    if not columns:
        return list(rows)
    own = [key for key in named.keys if key not in columns]
    return [
        {key: row[name] for key, name in columns.items() if name in row}
        | {key: row[key] for key in own if key in row}
        if _is_row(row)
        else row
        for row in rows
    ]


def pinned(text: str | None, revisions: Mapping[str, str]) -> str | None:
    """Return the name of a dataset at the commit that was read; any other text as it is."""
    table = HubTable.of(text) if text else None
    if text is None or table is None or table.name.repository not in revisions:
        return text
    return f"{text.partition('@')[0]}@{revisions[table.name.repository]}"


def _is_row(row: Any) -> bool:
    return isinstance(row, Mapping)


def _listed(requested: str, layout: DataLayout) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files by part, empty for the one whose part its rows decide; and the columns."""
    path = Path(requested).expanduser()
    if path.suffix.lower() not in LISTS:
        return {"": requested}, {}
    try:
        value = load_yaml(path.read_text(encoding="utf-8-sig")).value
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, YamlError) as error:
        raise DataError(f"{path}: not YAML that can be used: {error}") from error
    keys = (*layout.parts, COLUMNS)
    if not isinstance(value, dict) or not value:
        raise DataError(f"{path}: expected a file for some of {', '.join(layout.parts)}")
    for key in map(str, value):
        if key not in keys:
            raise DataError(f"{path}: unknown key {short_value(key)}.{suggestion(key, keys)}")
    columns = value.pop(COLUMNS, None) or {}
    if not isinstance(columns, dict):
        raise DataError(f"{path}: 'columns' must hold keys and names of columns")
    places = {str(part): _beside(path, place) for part, place in value.items()}
    return places, {str(key): str(name) for key, name in columns.items()}


def _beside(path: Path, place: Any) -> str:
    """Return a place that a list of files names; paths are relative to the list."""
    if not isinstance(place, str) or not place.strip():
        raise DataError(f"{path}: {short_value(place)} is no file; expected a path or a hub id")
    own = path.parent / Path(place).expanduser()
    return place if HubTable.of(place) and not own.exists() else str(own)


def _read(place: str, revisions: dict[str, str]) -> list[Any]:
    table = HubTable.of(place)
    if table is None:
        return read_table(Path(place).expanduser())
    from unharness.data.hub import all_rows, dataset_commit

    repository = table.name.repository
    commit = dataset_commit(table.name, INSTEAD)
    if revisions.setdefault(repository, commit) != commit:
        raise UsageError(f"{repository}: two revisions of one dataset; give one")
    found = all_rows(HubName(repository, commit), table.config, table.split, INSTEAD)
    return plain_rows(found)


def _check_columns(columns: Mapping[str, str], named: NamedFiles) -> None:
    for key in columns:
        if key not in named.keys:
            raise UsageError(
                f"--columns {short_value(key)}=…: no such key.{suggestion(key, named.keys)}"
            )


def _check_present(
    columns: Mapping[str, str], read: Mapping[str, Sequence[Any]], places: Mapping[str, str]
) -> None:
    there = {str(name) for own in read.values() for row in own if _is_row(row) for name in row}
    for key, name in columns.items():
        if name not in there:
            files = ", ".join(places.values())
            raise DataError(
                f"{files}: no column {short_value(name)} for {key!r}.{suggestion(name, there)}"
            )
