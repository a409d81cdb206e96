"""Where a task's data is looked for: a folder, the local cache, the hub, the bundled stand-in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir
from unharness.data.hub_parts import INSTEAD, fetch_parts, keep_parts, kept_commit
from unharness.data.json_rows import DataRow, data_rows, read_json_list
from unharness.data.layout import DataLayout, DataPart, PairsLayout
from unharness.data.named_files import names_files, read_named
from unharness.data.task_data import DataOrigin, TaskData
from unharness.errors import DataError, UnreachableError, UsageError

DATA_VARIABLE = "UNHARNESS_DATA"
AUTO, HUB, STANDIN = "auto", "hub", "standin"


@dataclass(frozen=True)
class DataSource:
    """What the user asked for: `auto`, `hub`, `hub@REVISION`, `standin`, a folder, or a file.

    A folder, a file and the hub, when asked for by name, never fall back to anything else. `auto`
    takes the stand-in where the hub cannot be reached; malformed data is an error everywhere.
    """

    requested: str = AUTO
    retain: str | None = None
    """A file of what is to be kept, beside a file of what is to be forgotten."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """By key of the task: what the files call it."""
    keep_repeats: bool = False
    """Whether examples of a file may stand where a run refuses them: for who looks for these."""

    def load(self, layout: DataLayout | PairsLayout) -> TaskData:
        """Find and read a task's data.

        Raises:
            DataError: nothing is where it was asked for, or something there is malformed.
            UsageError: the requested source is empty.
        """
        if not self.requested.strip():
            raise UsageError("--data is empty; give a folder, 'hub', 'standin' or 'auto'")
        if isinstance(layout, PairsLayout):
            layout = layout.general()
        words = self.requested in (AUTO, HUB, STANDIN) or is_hub(self.requested)
        if not words and layout.named and names_files(self.requested):
            return _from_named(self, layout)
        if self.retain or self.columns:
            flag = "--retain" if self.retain else "--columns"
            raise UsageError(f"{flag} belongs to files of facts; name one by --task FILE")
        if self.requested == STANDIN:
            return _from_standin(layout)
        if is_hub(self.requested):
            return _from_hub(layout, hub_revision(self.requested, "--data"))
        if self.requested != AUTO:
            return _from_folder(Path(self.requested).expanduser(), layout, "path")
        return self._find(layout)

    def _find(self, layout: DataLayout) -> TaskData:
        root = os.environ.get(DATA_VARIABLE)
        if root:
            folder = Path(root).expanduser()
            if not folder.is_dir():
                raise DataError(f"{DATA_VARIABLE}={root}: no such folder")
            if _folder_with_files(folder, layout):
                return _from_folder(folder, layout, "path")
        cached = cache_dir() / "data"
        for name in dict.fromkeys((layout.kept or layout.folder, layout.folder)):
            if _holds_files(cached / name, layout):
                return _from_folder(cached / name, layout, "cache")
        if not layout.repository:
            return _from_standin(layout, f"{layout.folder} is not on the hub")
        try:
            return _from_hub(layout)
        except UnreachableError as error:
            return _from_standin(layout, error.reason)


def _from_named(source: DataSource, layout: DataLayout) -> TaskData:
    """Read the files that the user names one by one, and tables on the hub."""
    found = read_named(source.requested, source.retain, source.columns, layout)
    revision = ", ".join(found.revisions.values())
    if len(found.revisions) > 1:
        revision = ", ".join(f"{name}@{commit}" for name, commit in found.revisions.items())
    origin = DataOrigin(
        HUB if found.revisions else "path",
        ", ".join(dict.fromkeys(found.places.values())),
        files=found.places,
        revision=revision,
        datasets=found.revisions,
    )
    values = _given(found.rows)
    place_of = found.places.__getitem__
    return _task_data(layout, values, place_of, origin, keep_repeats=source.keep_repeats)


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


def _holds_files(folder: Path, layout: DataLayout) -> bool:
    return any((folder / part.file).is_file() for part in layout.parts.values())


def _folder_with_files(root: Path, layout: DataLayout) -> Path | None:
    """Return `root/<layout.folder>`, or `root` itself, whichever holds one of the files."""
    folders = (root / layout.folder, root)
    return next((folder for folder in folders if _holds_files(folder, layout)), None)


def _from_folder(root: Path, layout: DataLayout, source: str) -> TaskData:
    names = [part.file for part in layout.parts.values()]
    needed = [part.file for part in layout.parts.values() if not part.optional]
    expected = ", ".join(needed) or f"some of {', '.join(names)}"
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected {layout.folder}/ with {expected}")
    folder = _folder_with_files(root, layout)
    if folder is None:
        raise DataError(f"{root}: holds no {layout.folder}/; expected in it {expected}")
    files = {
        name: folder / part.file
        for name, part in layout.parts.items()
        if not part.optional or (folder / part.file).is_file()
    }
    for path in files.values():
        if not path.is_file():
            raise DataError(f"{path}: no such file; expected {expected}")
    commit = kept_commit(folder) if source == "cache" else ""
    shown = {name: str(path) for name, path in files.items()}
    origin = DataOrigin(source, str(folder), shown, commit)
    values = {name: partial(read_json_list, path) for name, path in files.items()}
    return _task_data(layout, values, shown.__getitem__, origin)


def _from_standin(layout: DataLayout, fallback: str = "") -> TaskData:
    rows = layout.standin.make()
    origin = DataOrigin("standin", layout.standin.description, fallback=fallback)
    return _task_data(layout, _given(rows), "stand-in {}".format, origin)


def _from_hub(layout: DataLayout, revision: str | None = None) -> TaskData:
    """Fetch from the hub, and keep what came in the local cache for the next time."""
    if not layout.repository:
        raise DataError(f"{layout.folder} is not on the hub; {layout.elsewhere or INSTEAD}")
    rows, commit = fetch_parts(layout, revision)
    configs = ", ".join(dict.fromkeys(layout.parts[name].hub.config for name in rows))
    place = f"hub dataset {layout.repository} ({configs})"
    origin = DataOrigin("hub", place, revision=commit)

    def place_of(name: str) -> str:
        hub = layout.parts[name].hub
        return f"hub dataset {hub.repository or layout.repository} ({hub.config}) {name}"

    data = _task_data(layout, _given(rows), place_of, origin)
    kept = keep_parts(rows, layout, commit)
    own = replace(origin, kept=str(kept), kept_revision=kept_commit(kept))
    return replace(data, origin=own)


def _given(rows: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    return {name: partial(rows.__getitem__, name) for name in rows}


def _task_data(
    layout: DataLayout,
    values: Mapping[str, Callable[[], Any]],
    place_of: Callable[[str], str],
    origin: DataOrigin,
    *,
    keep_repeats: bool = False,
) -> TaskData:
    """Return the data, once the rows of every part are those that the task expects.

    Args:
        layout: the task's.
        values: by part what gives its rows as JSON; optional ones may be missing.
        place_of: where the rows of a part are from, in messages.
        origin: of all of it.
        keep_repeats: whether an example may stand where it may not.
    """
    rows: dict[str, Sequence[DataRow]] = {}
    for name, part in layout.parts.items():
        if part.optional and name not in values:
            rows[name] = ()
            continue
        rows[name] = data_rows(values[name](), place_of(name), part.keys)
        if origin.source != STANDIN:
            _check_count(len(rows[name]), part, place_of(name))
    examples = layout.examples(rows)
    there = (one for one in layout.splits if one.name in examples)
    filled = {one.name: one.with_examples(examples[one.name]) for one in there}
    return TaskData(filled, origin, keep_repeats)


def _check_count(count: int, part: DataPart, place: str) -> None:
    if part.rows is not None and count != part.rows:
        why = f"; {part.otherwise}" if part.otherwise else ""
        raise DataError(f"{place}: holds {count} rows; expected {part.rows}{why}")
