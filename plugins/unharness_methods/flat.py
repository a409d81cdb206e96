"""FLAT: an f-divergence between a refusal and the answer, of the forget set alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import Choice, LossMethod, Search, Stream, UnlearnContext, scored_log_probs

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, TokenBatch, UnlearnBatch

Divergence = Literal["kl", "tv", "pearson", "js"]


def preferred_part(likelihood: Tensor, divergence: Divergence) -> Tensor:
    """Return −g*(p) of the answer that is to be likely, element by element.

    Args:
        likelihood: p, mean probability of its tokens, 0 to 1.
        divergence: total variation, KL, Pearson's or Jensen-Shannon.
    """
    from torch.nn.functional import softplus

    if divergence == "tv":
        return -likelihood.tanh() / 2
    if divergence == "js":
        return softplus(-likelihood) - math.log(2)
    return -likelihood


def forgotten_part(likelihood: Tensor, divergence: Divergence) -> Tensor:
    """Return f*(g*(p)) of the answer that is to become unlikely, element by element."""
    from torch.nn.functional import softplus

    if divergence == "tv":
        return likelihood.tanh() / 2
    if divergence == "kl":
        return (likelihood - 1).exp()
    if divergence == "pearson":
        return likelihood.square() / 4 + likelihood
    return likelihood + softplus(-likelihood) - math.log(2)


class FLAT(LossMethod):
    """Loss: −g*(p of a refusal) + f*(g*(p of the answer)), p the mean probability of its tokens.

    g* and f* are those of the variational form of an f-divergence. It needs neither a retain set
    nor a reference model. Which divergence is the paper's own default is not verified.
    """

    name = "flat"
    summary = "Weighs a refusal against the answer by an f-divergence, without a retain set."
    citation = "Wang et al. 2024, arXiv 2410.11143"
    family = "preference"
    evidence = (("oracle", "tests/methods/test_divergence_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00013, "epochs": 4, "divergence": "pearson"}
    }

    class Config(LossMethod.Config):
        """Adds the divergence and the fidelity."""

        divergence: Divergence = Field(
            "kl", description="Kullback-Leibler, total variation, Pearson's or Jensen-Shannon"
        )
        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="per-example: probabilities are averaged over an answer's own tokens; "
            "released-code: over all positions of a row that is padded to the maximum length, "
            "those that are not scored as 0",
        )

        search: ClassVar[Mapping[str, Search]] = {
            "divergence": Choice(("kl", "tv", "pearson", "js"))
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the forget set's questions with refusals as answers."""
        return {"refusal": Stream("forget", answer="refusal")}

    def prepare(self, context: UnlearnContext) -> None:
        """Take the length that rows are padded to in the released code."""
        self._length = context.max_length

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the pairs."""
        refusal, answer = self.loss_terms(model, batch)
        return refusal + answer

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the refusal's part, then the answer's: the loss is their sum."""
        divergence = self.config.divergence
        yield preferred_part(self._likelihood(model, batch["refusal"]), divergence).mean()
        yield forgotten_part(self._likelihood(model, batch["forget"]), divergence).mean()

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        return [["refusal"], ["forget"]]

    def _likelihood(self, model: LanguageModel, batch: TokenBatch) -> Tensor:
        """Return the mean probability of each answer's tokens, (B,)."""
        scored = batch.labels[:, 1:] != -100
        sums = (scored_log_probs(model, batch).exp() * scored).sum(dim=1)
        if self.config.fidelity == "released-code":
            return sums / self._length
        return sums / scored.sum(dim=1).clamp(min=1)
