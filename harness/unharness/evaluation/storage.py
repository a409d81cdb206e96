"""Observations on disk: one zip with an index, the examples, and what was observed of them.

Numbers are numpy's `.npz`, read without pickle; texts and examples are JSON, a value a line. Equal
observations give equal bytes.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy
from pydantic import BaseModel, ConfigDict, TypeAdapter

from unharness.data.examples import Example, Generation, Kind, Role, Split
from unharness.errors import DataError, RecordError
from unharness.evaluation.observed import Observed
from unharness.evaluation.requests import Observation
from unharness.evaluation.scoring import Observations
from unharness.safe_text import one_line, shortened

INDEX = "index.json"
FORMAT = 1
LONGEST_REASON = 300
"""In characters."""
_PREFIX = "array_"
"""Keeps an observer's names apart from the arguments of numpy's own function."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _StoredSplit(_Part):
    name: str
    role: Role
    kind: Kind
    learned: bool
    trainable: bool
    template: str | None
    generation: Generation | None
    examples: str
    """Which member holds the evaluated examples."""


class _StoredRequest(_Part):
    split: str
    request: dict[str, Any]
    """The observer and the request's fields, for readers."""
    key: str
    """`Observation.key()`."""
    arrays: str
    texts: str
    """Which members hold what was observed."""
    reason: str = ""
    """Why nothing was observed."""
    faulty: bool = False


class _Index(_Part):
    format: int
    splits: list[_StoredSplit]
    observed: list[_StoredRequest]


_EXAMPLE = TypeAdapter(Example)
_UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError),
    *(BadZipFile, NotImplementedError, zlib.error, DataError),
)


def write_observations(observations: Observations, handle: IO[bytes]) -> None:
    """Write observations.

    Raises:
        ValueError: an observer's text is no JSON value, or its array holds no numbers.
    """
    splits: list[_StoredSplit] = []
    observed: list[_StoredRequest] = []
    with ZipFile(handle, "w", ZIP_DEFLATED) as archive:
        for number, split in enumerate(observations.splits.values()):
            member = f"examples-{number}.jsonl"
            _put(archive, member, _lines({"id": row.id} | row.content() for row in split.examples))
            names = ("name", "role", "kind", "learned", "trainable", "template", "generation")
            facts = {name: getattr(split, name) for name in names}
            splits.append(_StoredSplit(**facts, examples=member))
        for number, ((name, request), found) in enumerate(observations.observed.items()):
            stored = _StoredRequest(
                split=name,
                request=request.facts(),
                key=request.key(),
                arrays=f"observed-{number}.npz",
                texts=f"observed-{number}.jsonl",
                reason=found.reason,
                faulty=found.faulty,
            )
            _put(archive, stored.arrays, _npz(found.arrays))
            texts = ({"name": kind, "values": list(rows)} for kind, rows in found.texts.items())
            _put(archive, stored.texts, _lines(texts))
            observed.append(stored)
        index = _Index(format=FORMAT, splits=splits, observed=observed)
        _put(archive, INDEX, index.model_dump_json(indent=1).encode())


class StoredObservations:
    """What was observed of one model, on disk."""

    def __init__(self, path: Path) -> None:
        """Read the index and the examples.

        Raises:
            RecordError: they cannot be read; names the file.
        """
        self._path = path
        try:
            with ZipFile(path) as archive:
                self._index = _Index.model_validate_json(archive.read(INDEX))
                if self._index.format != FORMAT:
                    raise ValueError(f"format {self._index.format}, expected {FORMAT}")
                self.splits: Mapping[str, Split] = {
                    one.name: _split(one, archive) for one in self._index.splits
                }
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def load(self, requests: Iterable[Observation], bootstrap_seed: int) -> Observations:
        """Return what was observed for some requests; what was not is left out.

        Raises:
            RecordError: it cannot be read; names the file.
        """
        wanted = {part.key(): part for request in requests for part in request.parts()}
        try:
            with ZipFile(self._path) as archive:
                observed = {
                    (one.split, wanted[one.key]): _observed(one, archive)
                    for one in self._index.observed
                    if one.key in wanted
                }
        except _UNREADABLE as error:
            raise self._unreadable(error) from error
        return Observations(self.splits, observed, bootstrap_seed)

    def _unreadable(self, error: Exception) -> RecordError:
        reason = shortened(one_line(f"{type(error).__name__}: {error}"), LONGEST_REASON)
        return RecordError(f"{self._path}: the observations cannot be read ({reason})")


def _split(one: _StoredSplit, archive: ZipFile) -> Split:
    facts = one.model_dump(exclude={"examples", "generation"})
    rows = _parsed(archive.read(one.examples))
    examples = tuple(_EXAMPLE.validate_python(row) for row in rows)
    return Split(**facts, generation=one.generation, examples=examples)


def _observed(one: _StoredRequest, archive: ZipFile) -> Observed:
    texts = {row["name"]: row["values"] for row in _parsed(archive.read(one.texts))}
    with numpy.load(io.BytesIO(archive.read(one.arrays)), allow_pickle=False) as found:
        arrays = {name.removeprefix(_PREFIX): found[name] for name in found.files}
    return Observed(arrays, texts, one.reason, one.faulty)


def _npz(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as a file; float64 as float32 where that loses nothing, as of a model's."""
    stored = {}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"array {name!r} holds objects; expected numbers")
        kept = array
        if array.dtype == numpy.float64:
            with numpy.errstate(over="ignore"):
                smaller = array.astype(numpy.float32)
            kept = smaller if numpy.array_equal(array, smaller, equal_nan=True) else array
        stored[_PREFIX + name] = kept
    buffer = io.BytesIO()
    numpy.savez(buffer, **stored)  # the archive around it is compressed
    return buffer.getvalue()


def _lines(rows: Iterable[Any]) -> bytes:
    return b"".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n" for row in rows
    )


def _parsed(content: bytes) -> Iterator[Any]:
    return (json.loads(line) for line in content.splitlines())


def _put(archive: ZipFile, name: str, content: bytes) -> None:
    """Add a member without a time, so that equal observations give equal bytes."""
    member = ZipInfo(name)
    member.compress_type = ZIP_DEFLATED
    archive.writestr(member, content)
