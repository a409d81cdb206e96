"""Datasets from the hub: which commit, and its rows."""

from __future__ import annotations

from typing import Any

from unharness.errors import DataError, UnreachableError
from unharness.hub import HubName, commit_of, unreachable


def dataset_commit(name: HubName, instead: str) -> str:
    """Return the commit hash that a dataset's name stands for; one a process.

    Args:
        name: the dataset, perhaps with a revision.
        instead: what the user may give where the hub does not.

    Raises:
        UnreachableError: the hub cannot be reached.
        DataError: the hub has no such dataset or revision, or does not give it.
    """
    try:
        return commit_of("dataset", name)
    except Exception as error:
        raise _explained(error, f"hub dataset {name.repository}", instead) from error


def all_rows(name: HubName, config: str, split: str, instead: str) -> list[dict[str, Any]]:
    """Return the rows of a hub dataset's split.

    Args:
        name: the dataset, at the commit that the rows are to be of.
        config: the dataset's configuration; empty for the only one, or the default.
        split: one of its splits.
        instead: what the user may give where the hub does not.

    Raises:
        UnreachableError: the hub cannot be reached.
        DataError: the hub does not give it, or it is empty.
    """
    place = f"{config}, {split}" if config else split
    where = f"hub dataset {name.repository} ({place})"
    own = config or None
    try:
        from datasets import load_dataset

        rows = load_dataset(name.repository, name=own, split=split, revision=name.revision)
        found = [dict(row) for row in rows]
    except Exception as error:
        raise _explained(error, where, instead) from error
    if not found:
        raise DataError(f"{where}: holds no rows; give {instead}")
    return found


def _explained(error: Exception, where: str, instead: str) -> DataError:
    if reason := unreachable(error):
        return UnreachableError(f"{where}: {reason}; give {instead}", reason)
    lines = str(error).split("\n")
    detail = f"{type(error).__name__}: {lines[0][:200]}" if lines[0] else type(error).__name__
    return DataError(f"{where}: cannot be read ({detail}); give {instead}")
