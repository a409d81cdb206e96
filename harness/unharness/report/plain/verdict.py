"""The sentences of the page: what was forgotten, what was lost, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from unharness.errors import RecordError
from unharness.evaluation.metric import PERCENT
from unharness.pipeline.run_plan import EXTERNAL
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.closeness import CLOSENESS
from unharness.report.collapse import collapse_reasons, mean_answers
from unharness.report.plain.measures import Measure, References, shown
from unharness.report.plain.words import (
    FORGOTTEN,
    KEPT,
    LEAST_SPAN,
    Level,
    counted,
    sentence,
    share_between,
    words_for,
)
from unharness.report.record_closeness import closeness_of

FEW = 20
"""With fewer questions than that an interval is wide, and a single answer counts much."""


@dataclass(frozen=True)
class Verdict:
    """What the page says before any table."""

    forgotten: str
    kept: str
    sure: tuple[str, ...]
    damage: tuple[str, ...] = ()
    """Why the model counts as broken; empty if it does not."""


def verdict_of(
    record: RunRecord, measures: list[Measure], references: References, store: RecordStore
) -> Verdict:
    """Return what the record says, and no more, in sentences."""
    ranking = record.ranking
    by_label = {one.label: one for one in measures}
    forget = by_label.get(ranking.forget_axis or "") if ranking else None
    retain = [by_label[name] for name in ranking.retain_axes if name in by_label] if ranking else []
    sure = (
        *_sample_sentences(forget, retain),
        *_run_sentences(record, references),
        *_closeness_sentences(record, store),
    )
    return Verdict(
        _forgotten(forget, references),
        _kept(retain[0] if retain else None, references),
        sure,
        tuple(_damage(record, references)),
    )


def _forgotten(measure: Measure | None, references: References) -> str:
    if measure is None or measure.record.value is None:
        return (
            "Forgetting was not measured on one scale for this task; the table below has what was "
            "measured."
        )
    facts = f"{measure.words}: {_before_and_after(measure)}."
    if references.retrained:
        other = "a model that never saw these facts"
    else:
        other = "the model before it learned any of the facts"
    if measure.never is None:
        return (
            f"{_change(measure)}{facts} Whether that is as much as can be forgotten is not known: "
            "no model that never saw these facts was measured."
        )
    facts += f" For {other} it is {measure.shown_never}."
    if measure.before is None:
        return f"{facts} How it was before is not known: the model before was not measured."
    share = share_between(measure.record.value, measure.before, measure.never)
    if share is None:
        return (
            f"{facts} The model before and {other} hardly differ here, so this measure cannot show "
            "whether anything was forgotten."
        )
    told = _in_words(measure, (measure.before, measure.never), FORGOTTEN, "can be forgotten")
    if _beyond(measure):
        told += f" That goes beyond {other}, which is a trace as well."
    return f"{told} {facts}"


def _change(measure: Measure) -> str:
    """Say whether anything changed at all, as far as the interval tells."""
    if measure.before is None or not measure.record.ci95:
        return ""
    low, high = measure.record.ci95
    if low <= measure.before <= high:
        return "No change can be seen: the number before lies within the interval of the one now. "
    return "It has changed by more than the interval. "


def _beyond(measure: Measure) -> bool:
    """Whether more is gone than a model lacks that never saw the facts."""
    value, before, never = measure.record.value, measure.before, measure.never
    if value is None or before is None or never is None:
        return False
    return (value - never if never > before else never - value) > LEAST_SPAN


def _kept(measure: Measure | None, references: References) -> str:
    if measure is None or measure.record.value is None:
        return (
            "What the model should have kept was not measured: there was no retain set. So nothing "
            "here says what was lost."
        )
    facts = f"{measure.words}: {_before_and_after(measure)}."
    if measure.before is None:
        return f"{facts} How it was before is not known: the model before was not measured."
    floor = references.value("base", measure.label, measure.record) or 0.0
    share = share_between(measure.record.value, floor, measure.before)
    if share is None:
        return (
            f"{facts} The model hardly knew this before, so this measure cannot show what was lost."
        )
    return f"{_in_words(measure, (floor, measure.before), KEPT, 'the model knew before')} {facts}"


def _in_words(
    measure: Measure, ends: tuple[float, float], levels: tuple[Level, ...], what: str
) -> str:
    """Return the words for a share, the share and its interval, and how far they can be trusted.

    Args:
        measure: with a value.
        ends: which values are a share of 0 and of 1.
        levels: the words.
        what: the whole, as in `67% of what can be forgotten`.
    """
    share = share_between(measure.record.value or 0.0, *ends) or 0.0
    numbers = f"{share:.0%} of what {what}"
    doubt = ""
    if measure.record.ci95:
        found = [share_between(one, *ends) or 0.0 for one in measure.record.ci95]
        low, high = min(found), max(found)
        numbers += f"; 95% interval {low:.0%} to {high:.0%}"
        first, last = words_for(low, levels), words_for(high, levels)
        if first != last:
            doubt += f" The interval goes from “{first}” to “{last}”."
    if measure.record.n < FEW:
        doubt += f" Only {counted(measure.record.n, 'example')} stood for it: take it with care."
    return f"{sentence(f'{words_for(share, levels)} ({numbers})')}{doubt}"


def _before_and_after(measure: Measure) -> str:
    interval = f" ({measure.interval})" if measure.record.ci95 else ""
    if measure.before is None:
        return f"{measure.after}{interval}"
    return f"{measure.shown_before} before, {measure.after} now{interval}"


def _sample_sentences(forget: Measure | None, retain: list[Measure]) -> list[str]:
    found = [
        "Intervals are 95% intervals. A number is measured on the questions in the data. For other "
        "questions of the same kind it would be a little different, and intervals are made so that "
        "19 of 20 contain the value for all such questions."
    ]
    for what, one in (("forgotten", forget), ("kept", retain[0] if retain else None)):
        if one is not None and one.record.n:
            few = f"; fewer than {FEW} are few, and a single answer counts much"
            few = few if one.record.n < FEW else ""
            found.append(
                f"What was {what} was measured on {counted(one.record.n, 'example')}{few}."
            )
    if any(one.record.ci95 is None for one in (forget, *retain) if one is not None):
        found.append("Where an interval is not known, too few examples or groups stood for it.")
    return found


def _run_sentences(record: RunRecord, references: References) -> list[str]:
    found = []
    method = record.spec.method
    if method != EXTERNAL and row_of(method, registry()) is None:
        found.append(
            "This is one run with one seed. Another seed can give another result, and the "
            "intervals do not cover that; several seeds do (unharness sweep --seed 0..4)."
        )
    count = len(references.retrained)
    if count:
        found.append(
            f"The comparison is with {counted(count, 'model')} that never saw what is to be "
            "forgotten. Their numbers are taken as they are: intervals are of this model alone."
        )
    if record.partial:
        limits = record.spec.limits()
        found.append(f"The data was limited ({limits}): this is a trial, and no result.")
    return found


def _closeness_sentences(record: RunRecord, store: RecordStore) -> list[str]:
    """Return how near the model is to a retrained one, or that this is not known."""
    if record.partial or record.status != "done" or row_of(record.spec.method, registry()):
        return []
    try:
        found, _ = closeness_of(record, store)
    except RecordError:
        return []
    if not found:
        return []
    whole = found[CLOSENESS]
    ends = " and ".join(shown(end, PERCENT) for end in whole.ci95 or ())
    return [
        f"Over all, forgetting and keeping together: closeness {shown(whole.value, PERCENT)}"
        f"{f', between {ends}' if ends else ''}. 0% is the model before, 100% a model that never "
        "saw what is to be forgotten and knows the rest."
    ]


def _damage(record: RunRecord, references: References) -> list[str]:
    return collapse_reasons(
        record.answers,
        mean_answers([one.answers for one in references.base]),
        mean_answers([one.answers for one in references.target]),
    )
