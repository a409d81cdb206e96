"""Which plugins are installed: the entry points of a group, found without importing anything heavy.

`importlib.metadata` says the same, but its import and its reading of every distribution's entry
points cost more than all the rest of `unharness --help`. So the folders of `sys.path` are read
directly, and `importlib.metadata` is left what no plain folder holds. Nothing is cached: what pip
just installed is found by the next call.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib import metadata


@dataclass(frozen=True)
class EntryPoint:
    """What a distribution offers under a name."""

    name: str
    value: str
    """`package.module`, or `package.module:attribute`; extras in brackets mean nothing."""
    distribution: str
    """Empty where an installation is broken and has no metadata."""
    version: str

    @classmethod
    def of(cls, point: metadata.EntryPoint) -> EntryPoint:
        """Return an entry point of the standard library's as one of ours."""
        owner = point.dist
        name, version = (owner.name, owner.version) if owner else ("", "")
        return cls(point.name, point.value, name or "", version or "")

    def load(self) -> Any:
        """Import and return what the value names; raise whatever its import raises."""
        module, _, attributes = self.value.partition("[")[0].partition(":")
        found: Any = importlib.import_module(module.strip())
        for attribute in filter(None, attributes.strip().split(".")):
            found = getattr(found, attribute)
        return found


def installed(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, of all distributions on `sys.path`.

    Of a distribution that is installed twice the first one counts, as for imports.
    """
    folders = _information_folders()
    if folders is None:
        from importlib import metadata

        return [EntryPoint.of(point) for point in metadata.entry_points(group=group)]
    first: dict[str, str] = {}
    for distribution, folder in folders:
        first.setdefault(distribution, folder)
    return [point for folder in first.values() for point in _entry_points_of(folder, group)]


def _information_folders() -> list[tuple[str, str]] | None:
    """Return the distributions on `sys.path`, and where the metadata of each lies.

    None where plain folders cannot tell: zip files, eggs, import hooks that bring distributions.
    """
    if any(_finds_distributions(finder) for finder in sys.meta_path):
        return None
    folders = []
    for entry in sys.path:
        if not isinstance(entry, str) or entry.lower().endswith(".egg"):
            return None
        try:
            with os.scandir(entry or os.curdir) as members:
                folders += [
                    (_distribution_of(member.name), member.path)
                    for member in members
                    if member.name.lower().endswith((".dist-info", ".egg-info"))
                ]
        except NotADirectoryError:
            return None
        except (OSError, ValueError):  # not there, or not readable
            continue
    return folders


def _finds_distributions(finder: Any) -> bool:
    """Return whether an import hook finds distributions that are not on the standard path."""
    standard = getattr(finder, "__module__", "") == "_frozen_importlib_external"
    return not standard and hasattr(finder, "find_distributions")


def _distribution_of(folder: str) -> str:
    """Return whose metadata a folder holds, by its name: `name-version.dist-info`."""
    name = folder.rpartition(".")[0].partition("-")[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _entry_points_of(information: str, group: str) -> list[EntryPoint]:
    """Return the entry points of one distribution."""
    pairs = list(_pairs(_read(information, "entry_points.txt"), group))
    if not pairs:
        return []
    name, version = _header(information, "name"), _header(information, "version")
    return [EntryPoint(key, value, name, version) for key, value in pairs]


def _pairs(raw: bytes, group: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of a group of an `entry_points.txt`."""
    if group.encode() not in raw:  # true of nearly all
        return
    section = None
    for line in map(str.strip, raw.decode(errors="replace").splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif line and not line.startswith("#") and section == group:
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _header(information: str, wanted: str) -> str:
    """Return a field of a distribution's metadata; empty if it is not there."""
    raw = _read(information, "METADATA") or _read(information, "PKG-INFO")
    for line in raw.decode(errors="replace").splitlines():
        if not line.strip():  # the description follows
            break
        key, _, value = line.partition(":")
        if key.lower() == wanted:
            return value.strip()
    return ""


def _read(information: str, name: str) -> bytes:
    try:
        with open(f"{information}/{name}", "rb") as handle:
            return handle.read()
    except OSError:
        return b""
