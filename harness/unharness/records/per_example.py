"""Numbers of every evaluated example beside a record, without texts: fit to be published.

One `.npz` a record, read without pickle. Examples are named by hashes, groups by indices.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from unharness.errors import RecordError
from unharness.manifest import changed_file
from unharness.records.record import RunRecord

if TYPE_CHECKING:
    import numpy

NAME = "per_example"
"""Of the artifact in a record."""
FORMAT = 1
KNOWN, SAID = "known", "said"
"""By example, 0 to 1: the share of answer tokens predicted under teacher forcing, and the ROUGE-L
F1 of the generated answer; of a choice, both are whether the right one is the likeliest."""
_DIGITS = 12
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class SplitNumbers:
    """The numbers of one evaluated split."""

    role: str
    examples: tuple[str, ...]
    """The hash of each example's id."""
    groups: numpy.ndarray
    """Index of each example's group, (n,) int."""
    columns: Mapping[str, numpy.ndarray]
    """By name of a metric's column: its score of each example, (n,); nan where there is none."""
    answers: Mapping[str, numpy.ndarray]
    """The same for KNOWN and SAID, as far as they were observed."""


PerExample = Mapping[str, SplitNumbers]
"""By split."""


def example_key(text: str) -> str:
    """Return the hash that stands for an example's id."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def to_bytes(numbers: PerExample) -> bytes:
    """Return the content of the file; equal numbers give equal bytes."""
    import numpy

    index: dict[str, Any] = {"format": FORMAT, "splits": []}
    arrays: dict[str, Any] = {}
    for number, (name, split) in enumerate(numbers.items()):
        index["splits"].append(
            {"name": name, "role": split.role, "examples": list(split.examples)}
            | {"columns": list(split.columns), "answers": list(split.answers)}
        )
        rows = [*split.columns.values(), *split.answers.values()]
        shape = (len(rows), len(split.examples))
        arrays[f"numbers_{number}"] = numpy.array(rows, dtype=numpy.float32).reshape(shape)
        arrays[f"groups_{number}"] = split.groups.astype(numpy.int32)
    arrays["index"] = numpy.frombuffer(json.dumps(index).encode(), dtype=numpy.uint8)
    buffer = io.BytesIO()
    numpy.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> PerExample:
    """Return the numbers of a file's content.

    Raises:
        ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error: it is none of ours.
    """
    import numpy

    found: dict[str, SplitNumbers] = {}
    with numpy.load(io.BytesIO(content), allow_pickle=False) as arrays:
        index = json.loads(arrays["index"].tobytes())
        if index["format"] != FORMAT:
            raise ValueError(f"format {index['format']}, expected {FORMAT}")
        for number, split in enumerate(index["splits"]):
            numbers = arrays[f"numbers_{number}"].astype(float)
            columns, answers = split["columns"], split["answers"]
            if numbers.shape != (len(columns) + len(answers), len(split["examples"])):
                raise ValueError(f"the numbers of {split['name']} have shape {numbers.shape}")
            found[split["name"]] = SplitNumbers(
                split["role"],
                tuple(split["examples"]),
                arrays[f"groups_{number}"],
                dict(zip(columns, numbers, strict=False)),
                dict(zip(answers, numbers[len(columns) :], strict=True)),
            )
    return found


def has_per_example(record: RunRecord, folder: Path) -> bool:
    """Return whether the numbers lie beside a record; older records have none."""
    facts = record.artifacts.get(NAME)
    return facts is not None and (folder / Path(str(facts["path"])).name).is_file()


def read_per_example(record: RunRecord, folder: Path) -> PerExample:
    """Return the numbers of a record's examples.

    Args:
        record: that names the file.
        folder: where the record was found.

    Raises:
        RecordError: there is none, it is not the record's, or it cannot be read; names the file.
    """
    facts = record.artifacts.get(NAME)
    if facts is None:
        raise RecordError(
            f"{folder}: the record has no numbers of its examples; make them from what was "
            f"observed: unharness score {record.run_id}"
        )
    path = folder / Path(str(facts["path"])).name
    if problem := changed_file(folder, {path.name: facts}):
        raise RecordError(f"{folder}: {problem}; run it again with --force")
    try:
        return from_bytes(path.read_bytes())
    except _UNREADABLE as error:
        raise RecordError(f"{path}: the numbers cannot be read ({error})") from error


def group_indices(groups: Sequence[str]) -> numpy.ndarray:
    """Return the index of each example's group; an example without a group forms its own group."""
    import numpy

    keys = [group or f"\0{at}" for at, group in enumerate(groups)]
    order = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    return numpy.array([order[key] for key in keys], dtype=numpy.int32)
