"""The files of an export: an aggregate a library, and the samples beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unharness.data.sources import STANDIN
from unharness.errors import RecordError
from unharness.exports.eee.aggregate import aggregate
from unharness.exports.eee.identity import GENERAL, OURS, Identity, slug
from unharness.exports.eee.samples import samples
from unharness.manifest import sha256_of
from unharness.records.examples import has_examples, read_examples
from unharness.records.files import whole_file, write_json
from unharness.records.store import StoredRecord


def export_records(
    records: list[StoredRecord],
    folder: Path,
    organization: str,
    *,
    texts: bool = False,
    hub_id: str | None = None,
    skip: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write records as Every Eval Ever; return the aggregates' paths.

    A second export of the same records writes the same files. Samples hold questions and answers:
    they are written for the bundled stand-in data alone, unless `texts` says otherwise.

    Args:
        records: what to export.
        folder: `data/…` is made in it.
        organization: who ran them, as the site shows it.
        texts: whether samples of data that is not bundled are written as well.
        hub_id: where the weights are published; None: nowhere.
        skip: told of every record that is left out; None: the first one is an error.

    Raises:
        RecordError: a record is not finished, or its examples are damaged.
        OSError: a file cannot be written.
    """
    made: list[Path] = []
    for found in records:
        record = found.record
        if record.status != "done" or not record.metrics:
            problem = f"{record.run_id}: the run is {record.status} and has no numbers"
            if skip is None:
                raise RecordError(f"{problem}; nothing can be exported")
            skip(problem)
            continue
        if record.partial and skip is not None:
            skip(f"{record.run_id}: its data was limited; name it to export it nevertheless")
            continue
        for library in (OURS, GENERAL):
            identity = Identity(record, library, slug(organization), hub_id)
            if identity.labels:
                made.append(_write(identity, found, folder, organization, texts=texts))
    return made


def _write(
    identity: Identity, found: StoredRecord, folder: Path, organization: str, *, texts: bool
) -> Path:
    content = aggregate(identity, organization)
    place = folder / identity.folder
    own = found.record.data is not None and found.record.data.source == STANDIN
    if identity.library == OURS and (texts or own) and has_examples(*found):
        name = f"{identity.file_id}_samples.jsonl"
        rows = _write_lines(place / name, identity, found)
        content["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{identity.folder}/{name}",
            "hash_algorithm": "sha256",
            "checksum": sha256_of(place / name),
            "total_rows": rows,
        }
    path = place / f"{identity.file_id}.json"
    write_json(path, content)
    return path


def _write_lines(path: Path, identity: Identity, found: StoredRecord) -> int:
    count = 0
    with whole_file(path) as handle:
        for row in samples(identity, read_examples(*found)):
            handle.write(_line(row))
            count += 1
    return count


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
