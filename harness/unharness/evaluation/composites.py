"""What composites are made of: other columns, and the same columns of reference models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy

from unharness.evaluation.combined import combined
from unharness.evaluation.metric import Score
from unharness.evaluation.uses import CompositeKind
from unharness.reference_rows import ReferenceRow

CANNOT_TELL = 2.0
"""In standard errors: two models that are nearer to each other are not told apart."""


@dataclass(frozen=True)
class Formula:
    """How one kind of composite is computed."""

    function: Callable[[Any], Any]
    """From values by part, (k,) or (k, R): of all parts, or of one and its reference models."""
    references: tuple[ReferenceRow, ...] = ()
    """The models whose value of the part is needed, in the function's order."""
    words: str = ""
    """The formula, as it is shown."""
    good: str = ""
    """What a good value is."""
    traps: tuple[str, ...] = ()
    """What a value does not mean."""


def _mean(values: Any) -> Any:
    return values.mean(axis=0)


def _harmonic_mean(values: Any) -> Any:
    """Return the harmonic mean along the first axis: 0 where a value is 0, nan below 0."""
    with numpy.errstate(divide="ignore", invalid="ignore"):
        mean = len(values) / (1.0 / values).sum(axis=0)
    return numpy.where((values < 0).any(axis=0), numpy.nan, mean)


def _residue(values: Any) -> Any:
    own, gold, target = values
    return (own - gold) / (target - gold)


def _gap(values: Any) -> Any:
    return abs(_residue(values))


def _share_of_target(values: Any) -> Any:
    own, target = values
    return numpy.minimum(100.0, 100.0 * own / target)


FORMULAS: Mapping[CompositeKind, Formula] = {
    "mean": Formula(
        _mean,
        words="mean of its parts",
        good="As of its parts.",
        traps=("A gain of one part hides a loss of another: look at the parts.",),
    ),
    "harmonic_mean": Formula(
        _harmonic_mean,
        words="k / Σ 1/part over its k parts; 0 where a part is 0",
        good="As of its parts; it is high only where all of them are.",
        traps=("The smallest part decides: a part that measures noise near 0 sinks all others.",),
    ),
    "residue": Formula(
        _residue,
        ("retrained", "target"),
        words="(m − m_G) / (m_T − m_G); m the model's value, m_G the retrained model's, m_T the "
        "target's, means over seeds",
        good="0, as the retrained model; 1: nothing is forgotten; below 0: more than that.",
        traps=("It has no value where m_T and m_G differ by less than two standard errors.",),
    ),
    "gap": Formula(
        _gap,
        ("retrained", "target"),
        words="|(m − m_G) / (m_T − m_G)|; m the model's value, m_G the retrained model's, m_T the "
        "target's, means over seeds",
        good="0: as far as the retrained model, neither less nor more.",
        traps=("It does not say on which side: the residue does.",),
    ),
    "share_of_target": Formula(
        _share_of_target,
        ("target",),
        words="100 · m / m_T, at most 100; m the model's value, m_T the target's",
        good="100: as much is left as the target had.",
        traps=("What a model gained over the target is cut off.",),
    ),
}


def composite_score(
    kind: CompositeKind,
    of: Sequence[str],
    scores: Mapping[str, Score],
    references: Mapping[ReferenceRow, Sequence[Score]],
) -> Score:
    """Return the value of a composite.

    Args:
        kind: how it is computed.
        of: labels of its parts.
        scores: of the model, by label.
        references: the part's score of every reference model that the kind needs, one a seed.
    """
    formula = FORMULAS[kind]
    parts = [scores[label] for label in of]
    if without := [label for label in of if scores[label].value is None]:
        reasons = "; ".join(f"{label}: {scores[label].reason}" for label in without)
        total = sum(part.n + part.n_unscored for part in parts)
        return Score.missing(f"no value of {reasons}", total)
    for name in formula.references:
        rows = [one for one in references.get(name, ()) if one.value is not None]
        if not rows:
            return Score.missing(f"needs the {name} model's value of {of[0]}, and there is none")
        parts.append(combined(rows, _mean))
    if len(formula.references) > 1 and (reason := _indistinct(*parts[1:])):
        return Score.missing(reason, parts[0].n + parts[0].n_unscored)
    found = combined(parts, formula.function)
    if formula.references:
        return replace(found, n=parts[0].n, n_unscored=parts[0].n_unscored)
    return replace(found, per_example=_joined(parts)) if kind == "mean" else found


def _indistinct(gold: Score, target: Score) -> str:
    """Return why two models cannot be told apart by a metric; empty if they can."""
    if gold.value is None or target.value is None:
        return gold.reason or target.reason
    apart = combined([target, gold], lambda values: values[0] - values[1])
    distance = abs(apart.value or 0.0)
    if distance == 0.0:
        return "the target and the retrained model have the same value: it cannot tell them apart"
    if apart.stderr is not None and distance < CANNOT_TELL * apart.stderr:
        return (
            f"the target and the retrained model differ by {distance:.3g}, less than two standard "
            f"errors ({apart.stderr:.3g}): it cannot tell them apart"
        )
    return ""


def _joined(parts: Sequence[Score]) -> dict[str, list[float | None]]:
    """Return the examples' values of all parts; none where two parts are of one split."""
    found: dict[str, list[float | None]] = {}
    for part in parts:
        if found.keys() & part.per_example.keys():
            return {}
        found |= part.per_example
    return found
