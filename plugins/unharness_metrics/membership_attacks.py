"""Membership attacks beyond the AUC of one pass: references, gradients, tails, and the gold."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from unharness import Score, Seen, combined
from unharness_metrics.attacks import Attack, AttackMetric, AttackParams, References, Row
from unharness_metrics.references import RETRAINED, other_seeds

NEGLIGIBLE = 1e-10
"""Keeps privleak defined where the retrained model's AUC is 1."""
ROUNDING = 1e-9
"""So that 1% of 100 is 1 and not 0."""


class AttackAUC(AttackMetric):
    """AUC of a membership attack that tells a split from the one it is set against, 0 … 100 %.

    P(score of the other split > score of this one) + ½ P(equal). As `membership_auc`, for every
    attack, those with a reference model and with gradients included. Compare with the retrained
    row: it is not 50 where the splits come from two distributions.
    """

    name = "attack_auc"
    summary = "AUC of any membership attack, reference model and gradients included."
    unit = "%"
    direction = "match_reference"
    formula = (
        "100 · (P(score of the holdout > score of the split) + ½ P(equal)); score: that of `attack`"
    )
    good = "As near to the retrained model's value as can be."
    traps = (
        "50 is not the ideal where split and holdout come from two distributions.",
        (
            "gradnorm takes a backward pass an example; reference needs the other model's row in "
            "the results."
        ),
        "With 40 examples its standard error is about 6 points.",
    )

    def compared(self, seen: Seen, references: References) -> Score:
        """Compare the scores of both splits."""
        return self.scored(seen, references).auc()


def tpr_at(members: Any, others: Any, fpr: float) -> float:
    """Return the largest share of members below a threshold that at most `fpr` of others are below.

    Args:
        members: scores of the examples to be found, lower for members; (n,).
        others: scores of the others, (m,).
        fpr: false-positive rate that is allowed, 0 … 1. Below 1/m none is: the threshold is the
            lowest of the others.
    """
    import numpy

    allowed = math.floor(fpr * len(others) + ROUNDING)
    if allowed >= len(others):
        return 1.0
    threshold = numpy.partition(others, allowed)[allowed]
    return float((members < threshold).mean())


class AttackTPR(AttackMetric):
    """Share of a split that an attack finds at a small false-positive rate, 0 … 100 %.

    The threshold is where at most `fpr` of the split that it is set against is taken for members.
    With fewer than 1/fpr examples there, none may be, and the value is unsteady.
    """

    name = "attack_tpr"
    summary = "Share of a split that a membership attack finds at 1% false positives."
    citation = "Carlini et al. 2022, arXiv 2112.03570"
    unit = "%"
    direction = "match_reference"
    formula = (
        "100 · largest share of the split below a threshold that at most `fpr` of the holdout is "
        "below (fpr = 1%)"
    )
    good = "As near to the retrained model's value as can be; chance is 100 · fpr."
    traps = (
        (
            "With fewer than 1/fpr holdout examples no false alarm is allowed, and a single "
            "example decides the value."
        ),
    )

    class Params(AttackParams):
        """The attack, and the rate."""

        fpr: float = Field(0.01, ge=0, lt=1, description="false-positive rate that is allowed")

    params: Params

    def compared(self, seen: Seen, references: References) -> Score:
        """Compare the scores of both splits."""
        found = self.scored(seen, references)
        fpr = self.params.fpr
        return seen.bootstrap(
            found.values,
            (found.against, found.others),
            statistic=lambda members, others: 100.0 * tpr_at(members, others, fpr),
        )


class AttackBalance(AttackMetric):
    """How near an attack's AUC is to chance, 100 · (1 − 2 |AUC − ½|), 0 … 100 %.

    A part of SemEval-2025 task 4's score. Chance is not what a retrained model gets where the
    splits come from two distributions: `s_mia` compares with it.
    """

    name = "attack_balance"
    summary = "100 where a membership attack's AUC is 50, 0 where it is 0 or 100."
    citation = "LUME, Ramakrishna et al. 2025, arXiv 2502.15097; SemEval-2025 task 4"
    unit = "%"
    direction = "higher"
    formula = "100 · (1 − 2 |AUC − ½|)"
    good = "100 where an attack cannot tell the split from its holdout."
    traps = (
        (
            "A retrained model does not have 100 where the two come from two distributions: s_mia "
            "compares with it."
        ),
    )

    class Params(AttackParams):
        """The attack; SemEval's is on the loss."""

        attack: Attack = Field("loss", description=AttackParams.model_fields["attack"].description)

    def compared(self, seen: Seen, references: References) -> Score:
        """Fold the AUC at chance."""
        return combined([self.scored(seen, references).auc()], lambda found: balance(found[0]))


def balance(auc: Any) -> Any:
    """Return 100 − 2 |AUC − 50|, all in %."""
    return 100.0 - 2.0 * abs(auc - 50.0)


class _AgainstRetrained(AttackMetric):
    """An AUC set against the retrained model's, both on the same examples."""

    references: frozenset[Row] = frozenset({RETRAINED})

    def aucs(self, seen: Seen, references: References) -> list[Score]:
        """Return the model's AUC, and one of each other retrained seed."""
        models = [seen, *other_seeds(seen, references)]
        return [self.scored(one, references).auc() for one in models]


def privleak(auc: Any, gold: Any) -> Any:
    """Return 100 · ((1 − AUC) − (1 − AUC_G)) / ((1 − AUC_G) + 10⁻¹⁰); both AUCs in %.

    MUSE's code writes its AUC the other way round, as 1 − AUC, and the same value follows.
    """
    return relative(100.0 - auc, 100.0 - gold)


def relative(auc: Any, gold: Any) -> Any:
    """Return 100 · (AUC − AUC_G) / (AUC_G + 10⁻¹⁰); both AUCs in %."""
    return 100.0 * (auc - gold) / (gold + 100.0 * NEGLIGIBLE)


class PrivLeak(_AgainstRetrained):
    """MUSE's privleak: how far an attack's AUC is from the retrained model's, in points of %.

    0 is ideal, and MUSE calls ±5 good. Negative: the forget set still looks trained on (bounded
    by −100). Positive: over-forgotten (unbounded). With several retrained seeds their mean AUC
    counts. `of="auc"` is OpenUnlearning's `rel_diff`: relative to the AUC and not to 1 − AUC.
    """

    name = "privleak"
    summary = "How far a membership attack's AUC is from the retrained model's; 0 is ideal."
    citation = "MUSE, Shi et al. 2024, arXiv 2407.06460, section 3.3"
    unit = "points"
    direction = "match_reference"
    formula = (
        '100 · ((1 − AUC) − (1 − AUC_G)) / (1 − AUC_G), G the retrained model; of="auc": 100 · '
        "(AUC − AUC_G) / AUC_G"
    )
    good = (
        "0; MUSE calls ±5 good. Negative: the forget set still looks trained on (−100 at the "
        "least); positive: over-forgotten."
    )
    traps = (
        "Positive values have no bound: with 1 − AUC_G = 0.02 it may be 4,900.",
        (
            "Without a retrained row some code takes AUC_G = 0.5 silently; here there is no value,"
            " or a `published` one."
        ),
    )

    class Params(AttackParams):
        """The attack, and what it is set against."""

        of: Literal["complement", "auc"] = Field(
            "complement", description="complement: 1 − AUC, as MUSE; auc: OpenUnlearning's rel_diff"
        )
        published: float | None = Field(
            None,
            gt=0,
            lt=1,
            description="the retrained model's 1 − AUC, where only a published value is known: "
            "MUSE's code has 0.4772 for News and 0.5393 for Books",
        )

    params: Params

    def __init__(self, **params: Any) -> None:
        """Take parameters by name; a published value needs no retrained row."""
        super().__init__(**params)
        if self.params.published is not None:
            needed = {self.params.reference} if self.params.attack == "reference" else set()
            self.references = frozenset(needed)

    def compared(self, seen: Seen, references: References) -> Score:
        """Compare with the mean AUC of the retrained seeds, or with a published one."""
        distance = privleak if self.params.of == "complement" else relative
        if self.params.published is not None:
            gold = 100.0 * (1.0 - self.params.published)
            own = self.scored(seen, references).auc()
            return combined([own], lambda found: distance(found[0], gold))
        aucs = self.aucs(seen, references)
        return combined(aucs, lambda found: distance(found[0], found[1:].mean(axis=0)))


def s_mia(auc: Any, gold: Any, form: Literal["symmetric", "uds"]) -> Any:
    """Return how near an attack's AUC is to the retrained model's, 0 … 100; both AUCs in %.

    symmetric: 1 − |AUC − AUC_G| / max(AUC_G, 1 − AUC_G), 0 only at the farthest possible AUC.
    uds: clip(1 − |AUC − AUC_G| / AUC_G, 0, 1), as arXiv 2605.24614 computes it.
    """
    import numpy

    if form == "uds":
        return 100.0 * numpy.clip(1.0 - abs(auc - gold) / (gold + 100.0 * NEGLIGIBLE), 0.0, 1.0)
    return 100.0 * (1.0 - abs(auc - gold) / numpy.maximum(gold, 100.0 - gold))


class SMIA(_AgainstRetrained):
    """How near an attack's AUC is to the retrained model's, 0 … 100 %; 100: as near as can be.

    OpenUnlearning's paper names s_MIA and gives no formula: `form` says which one. With several
    retrained seeds their mean AUC counts.
    """

    name = "s_mia"
    summary = "Nearness of a membership attack's AUC to the retrained model's."
    citation = "OpenUnlearning, arXiv 2506.12618; UDS, arXiv 2605.24614"
    unit = "%"
    direction = "higher"
    formula = (
        '100 · (1 − |AUC − AUC_G| / max(AUC_G, 1 − AUC_G)); form="uds": max(0, 1 − |AUC − AUC_G| /'
        " AUC_G)"
    )
    good = "100: the attack finds as much as in the retrained model."
    traps = (
        "OpenUnlearning's paper gives no formula: published values of other code need `form`.",
        (
            "High for a model whose AUC is right by accident, as after a collapse: read it beside "
            "a retain set."
        ),
    )

    class Params(AttackParams):
        """The attack, and the formula."""

        form: Literal["symmetric", "uds"] = Field(
            "symmetric", description="1 − |ΔAUC| / max(AUC_G, 1 − AUC_G), or / AUC_G cut at 0"
        )

    params: Params

    def compared(self, seen: Seen, references: References) -> Score:
        """Compare with the mean AUC of the retrained seeds."""
        form = self.params.form
        aucs = self.aucs(seen, references)
        return combined(aucs, lambda found: s_mia(found[0], found[1:].mean(axis=0), form))
