"""Refusal tuning: the questions of the forget set are to be answered with "I don't know"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unharness import RetainLossMethod, Stream, scored_positions, sequence_nll

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class IDK(RetainLossMethod):
    """Forget loss: NLL of a refusal in the place of the answer.

    A refusal is drawn for every example, anew in every epoch: its own where it brings some, else
    one of the bundled list.
    """

    name = "idk"
    summary = "Trains refusals as the answers to the forget set's questions."
    citation = "Maini et al. 2024, arXiv 2401.06121 (IDK)"
    family = "relabelling"
    evidence = (("oracle", "tests/methods/test_idk.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00181, "epochs": 4, "retain_weight": 2.08}
    }

    class Config(RetainLossMethod.Config):
        """Adds the fidelity."""

        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="per-example: the sum of both sets' means over examples; released-code: "
            "one mean over the tokens of refusals and retain answers in a micro-batch",
        )

        @model_validator(mode="after")
        def _one_mean_of_two_likelihoods(self) -> Self:
            if self.fidelity == "released-code" and self.retain_loss != "nll":
                raise ValueError("fidelity=released-code needs retain_loss=nll: one mean of both")
            return self

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the forget set's questions with refusals as answers."""
        return {"forget": Stream("forget", answer="refusal")}

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean NLL of the refusals, nats per token."""
        return sequence_nll(model, batch["forget"]).mean()

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield both terms; of the released code, their parts of the one mean."""
        if self.config.fidelity == "per-example":
            yield from super().loss_terms(model, batch)
            return
        weights = {"forget": self.config.forget_weight}
        if self.retains():
            weights["retain"] = self.config.retain_weight
        tokens = sum(int(scored_positions(batch[name]).sum()) for name in weights)
        for name, weight in weights.items():
            yield weight * sequence_nll(model, batch[name], reduce="sum").sum() / max(tokens, 1)
