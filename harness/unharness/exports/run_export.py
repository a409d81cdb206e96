"""A run's weights in a folder, with a card that is filled from its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unharness.exports.checkpoint import (
    CARD,
    RECORD_COPY,
    Layout,
    prepared,
    publish,
    scratch_beside,
    write_checkpoint,
)
from unharness.exports.model_card import model_card
from unharness.exports.weights import weights_of
from unharness.progress import Progress
from unharness.records.files import write_json
from unharness.records.record import RunRecord
from unharness.records.run_file import file_of
from unharness.records.store import RecordStore, StoredRecord
from unharness.registry import Registry


def export_run(
    found: StoredRecord,
    store: RecordStore,
    folder: Path,
    changes: Mapping[str, Any],
    registry: Registry,
    progress: Progress,
    *,
    merge: bool = False,
    name: str | None = None,
    licence: str | None = None,
) -> Layout:
    """Write weights, tokenizer, generation settings, card and record; all of it or nothing.

    Args:
        found: the record, and where it lies.
        store: where records of attacks on the same weights are looked for.
        folder: new or empty.
        changes: options of a run that say where things are, such as `data`.
        registry: knows the plugins.
        progress: told what is done.
        merge: whether an adapter is merged into its base.
        name: of the model in the card; None: the folder.
        licence: as the hub calls it.

    Raises:
        UsageError: something lies in the folder.
        RecordError, ModelError: the weights are not there, or not those of the record.
        OSError: it cannot be written.
    """
    record = found.record
    prepared(folder)
    with progress.stage("load weights"):
        weights = weights_of(found, changes, registry, progress)
        length = record.spec.evaluation.max_new_tokens
    with progress.stage("write"), scratch_beside(folder) as temporary:
        scratch = Path(temporary)
        layout = write_checkpoint(weights, scratch, max_new_tokens=length, merge=merge)
        card = model_card(
            record,
            layout,
            name=name or folder.resolve().name,
            attacked=attacks_on(record, store),
            licence=licence,
        )
        (scratch / CARD).write_text(card, encoding="utf-8")
        write_json(scratch / RECORD_COPY, file_of(record).model_dump(mode="json"))
        publish(scratch, folder)
    return layout


def attacks_on(record: RunRecord, store: RecordStore) -> list[RunRecord]:
    """Return the finished records of the same unlearned weights under attacks, in one way each."""
    if record.spec.attacks or record.training is None:
        return []
    own = record.training.weights_hash
    return [
        one
        for one, _ in store.readable()
        if one.spec.attacks
        and one.status == "done"
        and one.spec.evaluation_id() == record.spec.evaluation_id()
        and one.spec.unlearn == record.spec.unlearn
        and one.training is not None
        and one.training.weights_hash == own
    ]
