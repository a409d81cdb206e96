"""Membership attacks as metrics are built on them: a score an example, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from unharness import Likelihood, Metric, Observation, Score, Seen
from unharness_metrics.answers import AnswerParams, UnknownAnswerStart, nll, own_answers
from unharness_metrics.gradient_norm import GradientNorm, gradient_norms
from unharness_metrics.membership import SCORES, auc_kernel
from unharness_metrics.references import NO_HOLDOUT, RETRAINED, Values, other_seeds

Attack = Literal["loss", "zlib", "min_k", "min_k_pp", "reference", "gradnorm"]
Row = Literal["base", "target", "retrained"]
References = Mapping[str, Sequence[Seen]]


class AttackParams(AnswerParams):
    """The attack."""

    attack: Attack = Field(
        "min_k",
        description="loss: NLL; zlib: NLL over compressed bytes; min_k: minus the mean of the "
        "lowest log-probabilities; min_k_pp: the same, standardised over the vocabulary; "
        "reference: NLL minus the reference model's; gradnorm: norm of the gradient of the NLL",
    )
    k: float = Field(0.4, gt=0, le=1, description="share of tokens, for min_k and min_k_pp")
    reference: Row = Field("base", description="the reference model, for the attack of that name")


class AttackMetric(Metric):
    """A number of an attack's scores on a split and on the one that it is set against.

    Scores are higher the less an example looks like one that was trained on.
    """

    citation = (
        "Shi et al. 2024, arXiv 2310.16789 (min-k); Zhang et al. 2024, arXiv 2404.02936 "
        "(min-k++); Carlini et al. 2021, arXiv 2012.07805 (zlib, reference)"
    )
    axis = "privacy"

    Params = AttackParams
    params: AttackParams

    def __init__(self, **params: Any) -> None:
        """Take parameters by name; the reference attack needs its model's observations."""
        super().__init__(**params)
        if self.params.attack == "reference":
            self.references = self.references | {self.params.reference}

    def observes(self) -> Observation:
        """Ask for the own answer's likelihood, or for gradients."""
        return GradientNorm() if self.params.attack == "gradnorm" else Likelihood()

    def compute(self, seen: Seen, references: References) -> Score:
        """Score both splits, and compare."""
        if seen.against is None:
            return Score.missing(NO_HOLDOUT)
        try:
            return self.compared(seen, references)
        except UnknownAnswerStart as error:
            return Score.missing(str(error), len(seen.examples))

    def compared(self, seen: Seen, references: References) -> Score:
        """Return the value of a split that is set against another one."""
        raise NotImplementedError

    def scored(self, seen: Seen, references: References) -> Scored:
        """Return the scores of a model on both splits."""
        assert seen.against is not None
        judges = self._judges(seen, references)
        others = [one.against for one in judges if one.against is not None]
        return Scored(
            seen, self._values(seen, judges), seen.against, self._values(seen.against, others)
        )

    def _judges(self, seen: Seen, references: References) -> list[Seen]:
        if self.params.attack != "reference":
            return []
        row = self.params.reference
        return other_seeds(seen, references) if row == RETRAINED else list(references[row])

    def _values(self, seen: Seen, judges: Sequence[Seen]) -> Values:
        attack = self.params.attack
        if attack == "gradnorm":
            return gradient_norms(seen.observed[GradientNorm()])
        score = SCORES["loss" if attack == "reference" else attack]
        rows = own_answers(seen, self.params.tokens)
        found = [None if row is None else score(row, self.params.k) for row in rows]
        if attack != "reference":
            return found
        usual = _mean_nats(judges, self.params)
        return [
            None if own is None or example.id not in usual else own - usual[example.id]
            for example, own in zip(seen.examples, found, strict=True)
        ]


def _mean_nats(judges: Sequence[Seen], params: AttackParams) -> dict[str, float]:
    """Return the reference models' mean NLL by example, of those that all of them scored."""
    by_id: dict[str, list[float]] = {}
    for one in judges:
        for example, row in zip(one.examples, own_answers(one, params.tokens), strict=True):
            if row is not None:
                by_id.setdefault(example.id, []).append(nll(row))
    return {name: sum(v) / len(v) for name, v in by_id.items() if len(v) == len(judges)}


@dataclass(frozen=True)
class Scored:
    """An attack's scores on a split, and on the one that it is set against."""

    seen: Seen
    values: Values
    against: Seen
    others: Values

    def auc(self) -> Score:
        """Return P(other > value) + ½ P(equal) over all pairs, %."""
        other = (self.against, self.others)
        return self.seen.mean_over_pairs(self.values, other, kernel=auc_kernel)
