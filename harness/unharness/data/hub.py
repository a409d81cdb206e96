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
    where = f"hub dataset {repository} ({config}, {split})"
    if os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("", "0", "false"):
        raise DataError(f"{where}: HF_HUB_OFFLINE is set; give --data FOLDER or --data standin")
    try:
        # A quick question first: the library's own retries last minutes without a network.
        from huggingface_hub import HfApi

        HfApi().dataset_info(repository, timeout=REACH_SECONDS)
        from datasets import load_dataset

        rows = load_dataset(repository, name=config, split=split)
        return dict(rows[0])
    except Exception as error:
        raise DataError(
            f"{where}: cannot be fetched ({type(error).__name__}); "
            "give --data FOLDER with the files, or --data standin for the bundled data"
        ) from error
