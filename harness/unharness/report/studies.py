"""What tuning found beside a board's records, for its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from unharness.records.store import path_name, task_folder

FOLDER = "tuning"
"""Under the results; tuning keeps its runs and studies there."""


class FoundStudy(BaseModel):
    """A study's file, as far as the page shows it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    method: str
    task: str
    model: str
    objective: str
    best_so_far: tuple[FiniteFloat | None, ...]
    """By trial, the best value on the validation part up to it."""
    validation: FiniteFloat | None = None
    evaluation: FiniteFloat | None = None
    """Of what was chosen: on the validation part, and on the evaluated splits."""


def read_studies(
    results: Path, task: str, model: str, warn: Callable[[str], None]
) -> list[FoundStudy]:
    """Return the studies of a task and model, by method.

    Args:
        results: the folder of records.
        task: its name.
        model: its name.
        warn: told of a file that cannot be read.
    """
    found = []
    folder = results / FOLDER / task_folder(task) / path_name(model)
    for path in sorted(folder.glob("*/study-*.json")):
        try:
            found.append(FoundStudy.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            warn(f"skipped {path}: no study that can be read ({type(error).__name__})")
    return found
