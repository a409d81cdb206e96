"""The evaluated examples beside a record, read and checked."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from unharness.errors import RecordError
from unharness.records.store import EXAMPLES_FILE

MOST_OF_A_REASON = 300
"""In characters."""


class ExampleRecord(BaseModel):
    """One evaluated example, as far as a report shows it."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    split: str
    id: str
    prompt: str
    answer: str
    generated: str | None = None
    hits: list[bool] | None = None
    """By token of the answer: whether the most likely token is the true one."""
    scores: dict[str, FiniteFloat | None] = Field(default_factory=dict)
    """By metric; None where the example was not scored."""


def read_examples(folder: Path) -> list[ExampleRecord]:
    """Return the examples that lie beside a record.

    Raises:
        RecordError: there are none, or one of them is not as expected; names the file.
    """
    path = folder / EXAMPLES_FILE
    found: list[ExampleRecord] = []
    try:
        with gzip.open(path, "rb") as handle:
            found.extend(map(ExampleRecord.model_validate_json, handle))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, ("", *problem["loc"])))
        reason = f"line {len(found) + 1}{place}: {problem['msg']}"
        raise _unreadable(path, reason) from error
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, str(error)) from error
    return found


def _unreadable(path: Path, reason: str) -> RecordError:
    short = " ".join(reason.split())[:MOST_OF_A_REASON]
    return RecordError(f"{path}: the examples cannot be read ({short})")
