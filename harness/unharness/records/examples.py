"""The evaluated examples beside a record, read and checked."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from unharness.errors import RecordError, refused_place
from unharness.records.artifacts import EXAMPLES_FILE, examples_path, verified_examples
from unharness.records.record import RunRecord

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
    repeated: FiniteFloat | None = None
    """Share (0 to 1) of the generated text's 4-grams that repeat; None where it is short."""
    scores: dict[str, FiniteFloat | None] = Field(default_factory=dict)
    """By metric; None where the example was not scored."""


def has_examples(record: RunRecord, folder: Path) -> bool:
    """Return whether examples lie beside a record; published ones may have none."""
    path = examples_path(record, folder)
    return path is not None and path.exists()


def read_examples(record: RunRecord, folder: Path) -> list[ExampleRecord]:
    """Return the examples of a record, checked against the SHA-256 that it names.

    Args:
        record: that names them.
        folder: where the record was found.

    Raises:
        RecordError: there are none, they are not the record's, or one of them is not as expected;
            names the file.
    """
    path = examples_path(record, folder) or folder / EXAMPLES_FILE
    found: list[ExampleRecord] = []
    try:
        with gzip.open(io.BytesIO(verified_examples(record, folder)), "rb") as handle:
            found.extend(map(ExampleRecord.model_validate_json, handle))
    except ValidationError as error:
        reason = f"line {len(found) + 1}: {refused_place(error)}"
        raise _unreadable(path, reason) from error
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file beside the record") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _unreadable(path, str(error)) from error
    return found


def _unreadable(path: Path, reason: str) -> RecordError:
    short = " ".join(reason.split())[:MOST_OF_A_REASON]
    return RecordError(f"{path}: the examples cannot be read ({short})")
