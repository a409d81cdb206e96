"""How far a model's predictions are from another one's, token by token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Metric, Paired, Score, Seen


class Divergence(Metric):
    """KL(other ‖ model) over the vocabulary, mean over an answer's tokens, then over examples.

    Nats, 0 or more; 0 if both predict alike at every token. Both models run at once, so it is
    observed with the run: of one that was observed without the other model it cannot be computed.
    """

    name = "divergence"
    summary = "KL from the retrained model's predictions to the model's, nats a token."
    unit = "nats"
    direction = "lower"
    formula = (
        "mean over examples of mean_t KL(other ‖ model) over the vocabulary at each answer token, "
        "nats; other: retrained, target or base"
    )
    good = (
        "0 is a model that predicts as the other one does; two retrained seeds are not at 0, so "
        "compare with their distance."
    )
    traps = (
        (
            "It needs the other model in the cache when the run is observed; later it cannot be "
            "computed."
        ),
        (
            "KL has no upper bound and is decided by tokens to which the model gives almost no "
            "probability."
        ),
    )

    class Params(Metric.Params):
        """The other model."""

        other: Literal["retrained", "target", "base"] = Field(
            "retrained", description="whose predictions are to be matched"
        )

    params: Params

    def observes(self) -> Paired:
        """Ask for both models' predictions of the own answer."""
        return Paired(self.params.other)

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same, however long its answer."""
        rows = [variants[0] for variants in seen.paired(self.params.other)]
        return seen.mean([None if row is None else sum(row) / len(row) for row in rows])
