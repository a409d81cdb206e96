"""The page as a static site: a folder to copy to any web server, or to open from the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from unharness.data.sources import STANDIN
from unharness.errors import UsageError
from unharness.records.files import whole_file
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.report.formats import to_csv, to_json
from unharness.report.html.page import TITLE, to_html
from unharness.report.rows import Board

INDEX = "index.html"
ASSETS = {"assets/leaderboard.json": to_json, "assets/leaderboard.csv": to_csv}
"""What the page offers for download, relative to it, and what writes it."""


def write_bundle(
    folder: Path,
    board: Board,
    store: RecordStore,
    warn: Callable[[str], None] = lambda text: None,
    *,
    texts: bool = False,
) -> Path:
    """Write the page and its downloads into a folder; return the page's path.

    The page holds its own style, script and data, so that it opens from the disk as well.

    Args:
        folder: made if it is not there; other files in it are left alone.
        board: what is shown.
        store: where its records lie.
        warn: told of every file of examples that cannot be read.
        texts: whether questions and answers of data that is not bundled are shown, too.

    Raises:
        UsageError: another page stands in its place.
        OSError: it cannot be written.
    """
    index = folder / INDEX
    if index.exists() and f"<title>{TITLE}</title>" not in index.read_text("utf-8", "replace"):
        raise UsageError(f"{index}: not a page of ours, and not replaced; give another folder")
    page = to_html(
        board, store, warn, texts=None if texts else _is_bundled, downloads=tuple(ASSETS)
    )
    for name, render in ASSETS.items():
        _write(folder / name, render(board))
    _write(index, page)
    return index


def _is_bundled(record: RunRecord) -> bool:
    """Whether a record's questions and answers are part of this package."""
    return record.data is not None and record.data.source == STANDIN


def _write(path: Path, text: str) -> None:
    with whole_file(path) as handle:
        handle.write(text.encode())
