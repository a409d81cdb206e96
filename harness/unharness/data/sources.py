"""Where a task's data is looked for: a folder, the local cache, the hub, the bundled stand-in."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir
from unharness.data.examples import DataOrigin, Example, TaskData
from unharness.data.pairs import pairs_to_examples, read_pairs
from unharness.errors import DataError, UsageError

DATA_VARIABLE = "UNHARNESS_DATA"
AUTO, HUB, STANDIN = "auto", "hub", "standin"


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the hub whose rows hold, under a column a half, a list of pairs."""

    repository: str
    config: str
    columns: Mapping[str, tuple[str, str]]
    """Our split to (the hub's split, its column)."""


@dataclass(frozen=True)
class StandIn:
    """Data of the same shape that the project makes itself."""

    make: Callable[[], Mapping[str, list[dict[str, str]]]]
    """Gives split to items with `prompt`, `answer` and anything else as meta."""
    description: str


@dataclass(frozen=True)
class PairsLayout:
    """How a task's question-answer pairs are stored, in each place they can come from."""

    folder: str
    files: Mapping[str, str]
    """Split to file name."""
    prompt_key: str
    answer_key: str
    hub: HubDataset
    standin: StandIn


@dataclass(frozen=True)
class DataSource:
    """What the user asked for: `auto`, `hub`, `standin`, or a folder.

    A folder and the hub, when asked for by name, never fall back to anything else.
    """

    requested: str = AUTO

    def load(self, layout: PairsLayout) -> TaskData:
        """Find and read a task's pairs.

        Raises:
            DataError: nothing is where it was asked for, or something there is malformed.
            UsageError: the requested source is empty.
        """
        if not self.requested.strip():
            raise UsageError("--data is empty; give a folder, 'hub', 'standin' or 'auto'")
        if self.requested == STANDIN:
            return _from_standin(layout)
        if self.requested == HUB:
            return _from_hub(layout)
        if self.requested != AUTO:
            return _from_folder(Path(self.requested).expanduser(), layout, "path")
        return self._find(layout)

    def _find(self, layout: PairsLayout) -> TaskData:
        root = os.environ.get(DATA_VARIABLE)
        if root:
            folder = Path(root).expanduser()
            if not folder.is_dir():
                raise DataError(f"{DATA_VARIABLE}={root}: no such folder")
            if _folder_with_files(folder, layout):
                return _from_folder(folder, layout, "path")
        cached = cache_dir() / "data"
        if _folder_with_files(cached, layout):
            return _from_folder(cached, layout, "cache")
        try:
            return _from_hub(layout)
        except DataError:
            return _from_standin(layout)


def _folder_with_files(root: Path, layout: PairsLayout) -> Path | None:
    """Return `root/<layout.folder>`, or `root` itself, whichever holds one of the files."""
    for folder in (root / layout.folder, root):
        if any((folder / name).is_file() for name in layout.files.values()):
            return folder
    return None


def _from_folder(root: Path, layout: PairsLayout, source: str) -> TaskData:
    expected = ", ".join(layout.files.values())
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected {layout.folder}/ with {expected}")
    folder = _folder_with_files(root, layout)
    if folder is None:
        raise DataError(f"{root}: holds no {layout.folder}/; expected in it {expected}")
    splits = {}
    for split, name in layout.files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: no such file; expected {expected}")
        splits[split] = read_pairs(path, split, layout.prompt_key, layout.answer_key)
    files = {split: str(folder / name) for split, name in layout.files.items()}
    return TaskData(splits, DataOrigin(source, str(folder), files))


def _from_standin(layout: PairsLayout) -> TaskData:
    rows = layout.standin.make()
    splits = {
        split: pairs_to_examples(items, f"stand-in {split}", split, "prompt", "answer")
        for split, items in rows.items()
    }
    return TaskData(splits, DataOrigin("standin", layout.standin.description))


def _from_hub(layout: PairsLayout) -> TaskData:
    """Fetch from the hub, and keep what came in the local cache for the next time."""
    rows = fetch_hub_pairs(layout.hub)
    place = f"hub dataset {layout.hub.repository} ({layout.hub.config})"
    splits: dict[str, tuple[Example, ...]] = {
        split: pairs_to_examples(
            items, f"{place} {split}", split, layout.prompt_key, layout.answer_key
        )
        for split, items in rows.items()
    }
    data = TaskData(splits, DataOrigin("hub", place))
    _keep(rows, layout)
    return data


def fetch_hub_pairs(hub: HubDataset) -> dict[str, list[dict[str, Any]]]:
    """Download a dataset whose rows hold lists of pairs, and return our splits' items.

    Raises:
        DataError: the hub cannot be reached, or the dataset is not as expected.
    """
    from unharness.data.hub import first_row

    wanted = {hub_split for hub_split, _ in hub.columns.values()}
    rows = {name: first_row(hub.repository, hub.config, name) for name in sorted(wanted)}
    pairs = {}
    for split, (hub_split, column) in hub.columns.items():
        if column not in rows[hub_split]:
            raise DataError(
                f"hub dataset {hub.repository} ({hub.config}, {hub_split}): no column {column!r}"
            )
        pairs[split] = list(rows[hub_split][column])
    return pairs


def _keep(rows: Mapping[str, list[dict[str, Any]]], layout: PairsLayout) -> None:
    target = cache_dir() / "data" / layout.folder
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        for split, name in layout.files.items():
            text = json.dumps(rows[split], ensure_ascii=False)
            (scratch / name).write_text(text, encoding="utf-8")
        if not target.exists():
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
