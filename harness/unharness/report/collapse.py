"""Whether a model has collapsed: from numbers in records to a verdict and its reasons.

A model has collapsed if it predicts no more of what it should keep than the base model, which never
learned it; if too many of its answers are loops, on what it should keep or should forget; or if it
gives one answer to most of what it should keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from unharness.evaluation.answers import LOOPING, SAME
from unharness.records.record import AnswersRecord

Answers = Mapping[str, AnswersRecord]
"""By split, as in `RunRecord.answers`."""


def collapse_reasons(
    answers: Answers, base: Answers | None = None, target: Answers | None = None
) -> list[str]:
    """Return why a model counts as collapsed, a reason a line; empty if it does not.

    Args:
        answers: of the model.
        base: of the base model's row; None: no floor is applied to what is predicted.
        target: of the target's row. As many loops as the target's are allowed on top of the limit,
            for models that loop without any unlearning; None: as if it had none.
    """
    reasons = []
    for name, found in answers.items():
        reasons += _floor(name, found, (base or {}).get(name))
        reasons += _loops(name, found, (target or {}).get(name))
        if found.same is not None and found.same > SAME.get(found.role, 1.0):
            reasons.append(f"one and the same text is {found.same:.0%} of its answers to {name}")
    return reasons


def mean_answers(several: Sequence[Answers]) -> dict[str, AnswersRecord] | None:
    """Return the mean over records, such as the seeds of a row; None of none.

    A number that one of them lacks is missing.
    """
    if not several:
        return None
    names = [name for name in several[0] if all(name in one for one in several)]
    return {name: _mean([one[name] for one in several]) for name in names}


def _floor(name: str, found: AnswersRecord, base: AnswersRecord | None) -> list[str]:
    if found.role != "retain" or base is None:
        return []
    if found.predicted is None or base.predicted is None or found.predicted > base.predicted:
        return []
    return [
        f"it predicts {found.predicted:.1%} of the answer tokens of {name}; the base model, "
        f"which never learned them, {base.predicted:.1%}"
    ]


def _loops(name: str, found: AnswersRecord, target: AnswersRecord | None) -> list[str]:
    allowed = LOOPING.get(found.role, 1.0)
    usual = (target.loops if target else None) or 0.0
    if found.loops is None or found.loops <= allowed + usual:
        return []
    beside = f" (the target's: {usual:.0%})" if target else ""
    return [f"{found.loops:.0%} of its answers to {name} are loops{beside}"]


def _mean(found: Sequence[AnswersRecord]) -> AnswersRecord:
    numbers = {}
    for field in ("loops", "same", "predicted"):
        values = [getattr(one, field) for one in found]
        numbers[field] = None if None in values else fmean(values)
    return found[0].model_copy(update=numbers)
