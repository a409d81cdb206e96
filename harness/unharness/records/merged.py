"""Records of others beside our own: verified as far as hashes go, and marked by origin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from unharness.errors import RecordError, UsageError
from unharness.records.per_example import NAME as PER_EXAMPLE
from unharness.records.per_example import read_per_example
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore, StoredRecord, Unreadable

_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class MergedStore(RecordStore):
    """A results folder, and folders of others behind it; only our own is ever written.

    A record of others is yielded if its run id is the hash of its own spec, as for every record,
    and if the numbers of its examples lie beside it and have the digest that it names. Any other is
    unreadable, with the reason. That says that a record is whole, not that its numbers are true:
    `unharness reproduce` finds that out.
    """

    def __init__(self, root: Path | str, others: Mapping[str, Path]) -> None:
        """Prepare.

        Args:
            root: our own folder.
            others: by origin, the folders of others.
        """
        super().__init__(root)
        self._others = others
        self._found: list[StoredRecord | Unreadable] | None = None
        self._origins: dict[Path, str] = {}

    def scan(self) -> Iterator[StoredRecord | Unreadable]:
        """Yield our own records, then those of others in the order in which they were given."""
        yield from super().scan()
        if self._found is None:  # digests are checked once
            self._found = list(self._verified())
        yield from self._found

    def origin(self, folder: Path) -> str:
        """Return where a record's folder is from; empty for our own."""
        return self._origins.get(folder, "")

    def _verified(self) -> Iterator[StoredRecord | Unreadable]:
        for origin, root in self._others.items():
            for found in RecordStore(root).scan():
                if isinstance(found, Unreadable):
                    yield Unreadable(found.path, f"from {origin}: {found.reason}")
                elif reason := verification_problem(*found):
                    yield Unreadable(found.folder, f"from {origin}: {reason}")
                else:
                    self._origins[found.folder] = origin
                    yield found


def verification_problem(record: RunRecord, folder: Path) -> str:
    """Return why a record that was read cannot be verified; empty if it is what it names.

    Args:
        record: whose ids have been checked, as reading does.
        folder: where it was found.
    """
    if record.status != "done":
        return ""  # it is never ranked
    if PER_EXAMPLE not in record.artifacts:
        return f"{folder}: unverifiable, it names no numbers of its examples"
    try:
        splits = read_per_example(record, folder)
    except RecordError as error:
        return str(error)
    known = {name for split in splits.values() for name in split.columns}
    if record.metrics and not known & set(record.metrics):
        return f"{folder}: unverifiable, the numbers of its examples are of none of its metrics"
    return ""


def named_folders(given: Iterable[str]) -> dict[str, Path]:
    """Return the folders of others by origin, from `DIR` or `NAME=DIR`.

    Raises:
        UsageError: there is no such folder, or two have one name.
    """
    found: dict[str, Path] = {}
    for text in given:
        name, mark, rest = text.partition("=")
        folder = Path(text if not mark or Path(text).is_dir() else rest).expanduser()
        if not folder.is_dir():
            raise UsageError(f"--merge {text}: no such folder; expected DIR or NAME=DIR")
        if not mark or Path(text).is_dir():
            name = _NOT_PLAIN.sub("-", folder.resolve().name).strip(".-")[:40] or "others"
        if not _ORIGIN.fullmatch(name):
            raise UsageError(
                f"--merge {text}: {name!r} is no name; expected letters, digits, dots, hyphens"
            )
        if name in found:
            raise UsageError(f"--merge: two folders are called {name}; give NAME=DIR")
        found[name] = folder
    return found
