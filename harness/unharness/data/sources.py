"""Where a task's data is looked for: a folder, the local cache, the hub, the bundled stand-in."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir
from unharness.data.examples import Example, Split
from unharness.data.pairs import kind_of, pairs_to_examples, read_pairs
from unharness.data.task_data import DataOrigin, TaskData
from unharness.errors import DataError, UnreachableError, UsageError
from unharness.hub import HubName

DATA_VARIABLE = "UNHARNESS_DATA"
AUTO, HUB, STANDIN = "auto", "hub", "standin"
REVISION_FILE = "hub.json"
"""Beside data of the hub's in the local cache: what it is a copy of."""
INSTEAD = "--data FOLDER with the files, or --data standin for the bundled data"


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the hub whose rows hold, under one column for each split, a list of pairs."""

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

    splits: Sequence[Split]
    """Every split's role and use, without examples."""
    folder: str
    files: Mapping[str, str]
    """Split to file name."""
    prompt_key: str
    answer_key: str
    hub: HubDataset
    standin: StandIn


@dataclass(frozen=True)
class DataSource:
    """What the user asked for: `auto`, `hub`, `hub@REVISION`, `standin`, or a folder.

    A folder and the hub, when asked for by name, never fall back to anything else. `auto` takes
    the stand-in where the hub cannot be reached; malformed data is an error everywhere.
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
        if is_hub(self.requested):
            return _from_hub(layout, hub_revision(self.requested, "--data"))
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
        except UnreachableError as error:
            return _from_standin(layout, error.reason)


def is_hub(requested: str) -> bool:
    """Whether data is asked for from the hub: by `hub` or `hub@REVISION`."""
    return requested == HUB or requested.startswith(f"{HUB}@")


def hub_revision(requested: str, flag: str) -> str | None:
    """Return the revision of `hub@REVISION`; None for `hub`.

    Raises:
        UsageError: nothing stands behind the `@`.
    """
    _, mark, revision = requested.partition("@")
    if mark and not revision:
        raise UsageError(f"{flag} {requested}: no revision; expected hub or hub@REVISION")
    return revision or None


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
    revision = _kept_revision(folder) if source == "cache" else ""
    return _task_data(layout, splits, DataOrigin(source, str(folder), files, revision))


def _task_data(
    layout: PairsLayout, rows: Mapping[str, Sequence[Example]], origin: DataOrigin
) -> TaskData:
    filled = [split.with_examples(rows[split.name]) for split in layout.splits]
    return TaskData.of(filled, origin)


def _from_standin(layout: PairsLayout, fallback: str = "") -> TaskData:
    rows = layout.standin.make()
    splits = {
        split: pairs_to_examples(items, f"stand-in {split}", split, "prompt", "answer")
        for split, items in rows.items()
    }
    origin = DataOrigin("standin", layout.standin.description, fallback=fallback)
    return _task_data(layout, splits, origin)


def _from_hub(layout: PairsLayout, revision: str | None = None) -> TaskData:
    """Fetch from the hub, and keep what came in the local cache for the next time."""
    rows, commit = fetch_hub_pairs(layout.hub, revision)
    place = f"hub dataset {layout.hub.repository} ({layout.hub.config})"
    splits = {
        split: pairs_to_examples(
            items, f"{place} {split}", split, layout.prompt_key, layout.answer_key
        )
        for split, items in rows.items()
    }
    data = _task_data(layout, splits, DataOrigin("hub", place, revision=commit))
    _keep(rows, layout, commit)
    return data


def fetch_hub_pairs(
    hub: HubDataset, revision: str | None = None
) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Download a dataset whose rows hold lists of pairs.

    Args:
        hub: the dataset.
        revision: a commit, branch or tag; None for the main branch.

    Returns:
        Our splits' items, and the commit that all of them are of.

    Raises:
        UnreachableError: the hub cannot be reached.
        DataError: the hub does not give the dataset, or it is not as expected.
    """
    from unharness.data.hub import all_rows, dataset_commit

    commit = dataset_commit(HubName(hub.repository, revision), INSTEAD)
    name = HubName(hub.repository, commit)
    wanted = {hub_split for hub_split, _ in hub.columns.values()}
    rows = {split: all_rows(name, hub.config, split, INSTEAD)[0] for split in sorted(wanted)}
    pairs = {}
    for split, (hub_split, column) in hub.columns.items():
        place = f"hub dataset {hub.repository} ({hub.config}, {hub_split})"
        if column not in rows[hub_split]:
            raise DataError(f"{place}: no column {column!r}")
        items = rows[hub_split][column]
        # `datasets` returns columns as its own list type.
        if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
            raise DataError(f"{place}: {column!r} is {kind_of(items)}; expected a list of items")
        pairs[split] = list(items)
    return pairs, commit


def _kept_revision(folder: Path) -> str:
    """Return the commit of data in the local cache; empty where it did not come from the hub."""
    try:
        return str(json.loads((folder / REVISION_FILE).read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _keep(rows: Mapping[str, list[dict[str, Any]]], layout: PairsLayout, commit: str) -> None:
    target = cache_dir() / "data" / layout.folder
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        for split, name in layout.files.items():
            text = json.dumps(rows[split], ensure_ascii=False)
            (scratch / name).write_text(text, encoding="utf-8")
        made_from = {"repository": layout.hub.repository, "commit": commit}
        (scratch / REVISION_FILE).write_text(json.dumps(made_from), encoding="utf-8")
        if not target.exists():
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
