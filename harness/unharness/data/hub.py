"""The one place that talks to the dataset hub."""

from __future__ import annotations

import os
from typing import Any

from unharness.errors import DataError

REACH_SECONDS = 5.0


def first_row(repository: str, config: str, split: str) -> dict[str, Any]:
    """Return the first row of a hub dataset's split.

    Raises:
        DataError: the hub is out of reach or has no such dataset.
    """
    instead = "--data FOLDER with the files, or --data standin for the bundled data"
    return all_rows(repository, config, split, instead)[0]


def all_rows(repository: str, config: str, split: str, instead: str) -> list[dict[str, Any]]:
    """Return the rows of a hub dataset's split.

    Args:
        repository: `owner/name`.
        config: the dataset's configuration.
        split: one of its splits.
        instead: what the user may give where the hub does not.

    Raises:
        DataError: the hub is out of reach or has no such dataset, or it is empty.
    """
    where = f"hub dataset {repository} ({config}, {split})"
    if os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("", "0", "false"):
        raise DataError(f"{where}: HF_HUB_OFFLINE is set; give {instead}")
    try:
        # A quick question first: the library's own retries last minutes without a network.
        from huggingface_hub import HfApi

        HfApi().dataset_info(repository, timeout=REACH_SECONDS)
        from datasets import load_dataset

        rows = [dict(row) for row in load_dataset(repository, name=config, split=split)]
    except Exception as error:
        raise DataError(
            f"{where}: cannot be fetched ({type(error).__name__}); give {instead}"
        ) from error
    if not rows:
        raise DataError(f"{where}: holds no rows; give {instead}")
    return rows
