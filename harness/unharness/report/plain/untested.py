"""What a record does not say, as a list: it is the other half of every result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unharness.evaluation.lacking import says_lacking
from unharness.records.record import RunRecord
from unharness.registry import registry
from unharness.report.plain.measures import Measure, References, unmeasured
from unharness.report.plain.words import sentence

ALWAYS = (
    "Only what the data asks was asked, in the words of the data. Other wordings, other languages "
    "and long conversations may bring back what seems forgotten.",
    "Only this model was measured. Copies of it, older versions, backups, the training data and "
    "logs of conversations are not touched by unlearning.",
    "A measurement cannot prove that nothing is left. It says what was found in the ways that were "
    "tried.",
)


def not_tested(
    record: RunRecord,
    measures: Sequence[Measure],
    references: References,
    attacked: Sequence[RunRecord] = (),
) -> list[str]:
    """Return what was not measured, a sentence each, what matters most first.

    Args:
        record: of the run.
        measures: its columns.
        references: what it could be compared with.
        attacked: records of the same weights under further attacks.
    """
    return [
        *_attacks(record, attacked),
        *_references(record, references),
        *_axes(record, measures),
        *_columns(record),
        *ALWAYS,
    ]


def _attacks(record: RunRecord, attacked: Sequence[RunRecord]) -> Iterator[str]:
    tried = {use.name for one in (record, *attacked) for use in one.spec.attacks}
    left = [entry for entry in registry().entries("attacks") if entry.name not in tried]
    if not left:
        return
    listed = "; ".join(f"{one.name} ({one.summary.rstrip('.')})" for one in left)
    if tried:
        yield f"These ways to bring the facts back were not tried: {listed}."
    else:
        yield f"Nobody tried to bring the facts back. Ways to try it (--attack): {listed}."


def _references(record: RunRecord, references: References) -> Iterator[str]:
    if not references.retrained:
        gold = record.ranking is None or record.ranking.gold
        how = " (unharness sweep makes some)" if gold else "; for this task there can be none"
        yield f"No model was measured that was trained without what is to be forgotten{how}."
    if not references.target:
        yield "The model before was not measured in the same way, so nothing says what changed."


def _axes(record: RunRecord, measures: Sequence[Measure]) -> Iterator[str]:
    there = {one.axis for one in measures}
    roles = {
        str(facts.get("role")) for facts in (record.data.splits if record.data else {}).values()
    }
    if "retain" not in roles:
        yield "There was no retain set: what the model should have kept was not measured."
    if "general" not in there:
        yield "What the model knows and can do in general was not measured (--suite)."
    if "privacy" not in there:
        yield (
            "Whether somebody can tell that the facts were once in the training data was not "
            "measured; it takes facts of the same kind that were never learned (split 'holdout')."
        )


def _columns(record: RunRecord) -> Iterator[str]:
    lacking: list[str] = []
    for reason, labels in unmeasured(record).items():
        if says_lacking(reason):
            lacking += labels
        else:
            yield sentence(f"{', '.join(labels)}: no value; {reason}")
    if lacking:
        yield (
            f"{', '.join(lacking)}: no value; the data has no texts for "
            f"{'it' if len(lacking) == 1 else 'them'}, such as other wordings or wrong answers."
        )
