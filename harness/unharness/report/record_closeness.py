"""Closeness of a single run, against the reference rows in its results folder."""

from __future__ import annotations

from collections.abc import Iterator

from unharness.errors import RecordError
from unharness.records.record import RunRecord
from unharness.records.store import RECORD_FILE, RecordStore, StoredRecord, read_records
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.closeness import CLOSENESS
from unharness.report.closeness_columns import NAMES, ClosenessColumns
from unharness.report.comparable import by_target, group_facts
from unharness.report.ranking import Value
from unharness.report.samples import NumbersReader


def closeness_of(record: RunRecord, store: RecordStore) -> tuple[dict[str, Value], list[str]]:
    """Return a finished run's closeness and its parts by name, and notes.

    Returns:
        No values where nothing can be measured; the notes then say why, and name the command that
        makes the reference rows that lack.
    """
    numbers = NumbersReader(lambda text: None)
    numbers.add(StoredRecord(record, store.folder(record.spec)))
    alike = [record]
    for found in reference_records(record, store):
        if found.record.run_id != record.run_id:
            numbers.add(found)
            alike.append(found.record)
    [group] = [found for found in by_target(alike) if any(one is record for one in found)]
    columns = ClosenessColumns(group, numbers)
    values = {name: columns.value([record], name) for name in NAMES}
    if values[CLOSENESS].value is None:
        return {}, columns.notes
    return values, columns.notes


def reference_records(record: RunRecord, store: RecordStore) -> Iterator[StoredRecord]:
    """Yield the finished reference rows that a run may be compared with, from its folder alone."""
    facts = group_facts(record.spec)
    folder = store.folder(record.spec).parents[1]
    for path in sorted(folder.glob(f"*/*/{RECORD_FILE}")):
        if row_of(path.parents[1].name, registry()) is None:
            continue
        try:
            found = read_records(path)
        except RecordError:
            continue
        for one in found:
            if one.status == "done" and not one.partial and group_facts(one.spec) == facts:
                yield StoredRecord(one, path.parent)
