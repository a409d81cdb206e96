"""The parts of a task's data on the hub, and what is kept of them in the local cache."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir
from unharness.data.json_rows import kind_of
from unharness.data.layout import DataLayout, HubRows
from unharness.errors import DataError
from unharness.hub import HubName

REVISION_FILE = "hub.json"
"""Beside data of the hub's in the local cache: what it is a copy of."""
INSTEAD = "--data FOLDER with the files, or --data standin for the bundled data"


def fetch_parts(
    layout: DataLayout, revision: str | None = None
) -> tuple[dict[str, list[Any]], str]:
    """Download the rows of every part, all at one commit.

    Args:
        layout: the task's.
        revision: a commit, branch or tag; None for the main branch.

    Returns:
        The rows by part, those of parts that the hub has, and the commit that all of them are of.
        Where parts are of several datasets: each with its commit, `OWNER/NAME@COMMIT`; `revision`
        is of the layout's own, the others are at their main branch.

    Raises:
        UnreachableError: the hub cannot be reached.
        DataError: the hub does not give the dataset, or it is not as expected.
    """
    from unharness.data.hub import all_rows, dataset_commit

    own = {part: one.hub for part, one in layout.parts.items() if one.hub.config}
    places = {part: (_dataset(layout, hub), hub.config, hub.split) for part, hub in own.items()}
    names = {}
    for dataset in sorted({place[0] for place in places.values()}):
        asked = HubName(dataset, revision if dataset == layout.repository else None)
        names[dataset] = HubName(dataset, dataset_commit(asked, INSTEAD))
    tables = {
        (dataset, config, split): all_rows(names[dataset], config, split, INSTEAD)
        for dataset, config, split in sorted(set(places.values()))
    }
    parts = {
        part: _own_rows(tables[places[part]], hub, _dataset(layout, hub))
        for part, hub in own.items()
    }
    if len(names) == 1:
        return parts, str(names[layout.repository].revision)
    return parts, ", ".join(f"{one.repository}@{one.revision}" for one in names.values())


def _dataset(layout: DataLayout, hub: HubRows) -> str:
    return hub.repository or layout.repository


def _own_rows(table: list[dict[str, Any]], hub: HubRows, repository: str) -> list[Any]:
    """Return a table's rows, or those that one of its columns lists."""
    if hub.column is None:
        return table
    place = f"hub dataset {repository} ({hub.config}, {hub.split})"
    if hub.column not in table[0]:
        raise DataError(f"{place}: no column {hub.column!r}")
    items = table[0][hub.column]
    # `datasets` returns columns as its own list type.
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise DataError(f"{place}: {hub.column!r} is {kind_of(items)}; expected a list of items")
    return list(items)


def kept_commit(folder: Path) -> str:
    """Return the commit of data in the local cache; empty where it did not come from the hub."""
    try:
        return str(json.loads((folder / REVISION_FILE).read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def keep_parts(rows: Mapping[str, list[Any]], layout: DataLayout, commit: str) -> Path:
    """Keep what came from the hub in the local cache, unless data is there already.

    Returns:
        The folder.
    """
    target = cache_dir() / "data" / (layout.kept or layout.folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        for name in rows:
            path = scratch / layout.parts[name].file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(rows[name], ensure_ascii=False), encoding="utf-8")
        made_from = {"repository": layout.repository, "commit": commit}
        (scratch / REVISION_FILE).write_text(json.dumps(made_from), encoding="utf-8")
        if not target.exists():
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target
