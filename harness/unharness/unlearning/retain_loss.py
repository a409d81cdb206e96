"""The base of losses that add a term on the retain set to one on the forget set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import Field

from unharness.training.likelihood import sequence_jsd, sequence_kl, sequence_nll
from unharness.unlearning.method import LossMethod
from unharness.unlearning.search import Search
from unharness.unlearning.streams import FORGET, LOGITS, Stream

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import UnlearnBatch
    from unharness.model_types import LanguageModel

RETAIN: Final = "retain"
RetainLoss = Literal["nll", "kl", "jsd", "none"]


class RetainLossMethod(LossMethod):
    """Loss: forget_weight · forget_loss + retain_weight · R (γ · L_f + α · R in papers).

    R is the mean over the retain examples of NLL, of KL(reference ‖ model) or of the
    Jensen-Shannon divergence between the two, averaged over each answer's tokens. Derive from it
    and write `forget_loss`; name the streams that this reads in `forget_streams`.
    """

    class Config(LossMethod.Config):
        """Adds the two weights and the kind of the retain term."""

        forget_weight: float = Field(1.0, gt=0, description="weight of the forget term (gamma)")
        retain_loss: RetainLoss = Field(
            "nll",
            description="retain term: NLL, KL(reference ‖ model), JSD(reference, model), or none, "
            "which reads no retain set",
        )
        retain_weight: float = Field(
            1.0, ge=0, description="weight of the retain term (alpha); 0 leaves it out"
        )

        search: ClassVar[Mapping[str, Search]] = {"retain_weight": "loss_weight"}

    @abstractmethod
    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the forget examples, a scalar, without `forget_weight`."""

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return what `forget_loss` reads, by name; "forget" may be redefined, others added."""
        return {}

    def retains(self) -> bool:
        """Return whether there is a retain term."""
        config: RetainLossMethod.Config = self.config
        return config.retain_loss != "none" and config.retain_weight > 0

    def streams(self) -> Mapping[str, Stream]:
        """Return the streams of both terms."""
        streams = dict(self.forget_streams())
        if self.retains():
            asked = {LOGITS} if self.config.retain_loss in ("kl", "jsd") else set[str]()
            streams[RETAIN] = Stream(
                RETAIN, reference=asked, without="leave the term out: --set retain_loss=none"
            )
        return streams

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of both terms."""
        first, *others = self.loss_terms(model, batch)
        return sum(others, first)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the forget term, then the retain term, so that one is held at a time."""
        yield self.config.forget_weight * self.forget_loss(model, batch)
        if self.retains():
            yield self.config.retain_weight * self.retain_term(model, batch)

    def retain_term(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return R, a scalar: nats per token."""
        if self.config.retain_loss == "kl":
            wanted = batch.reference.scored_logits(RETAIN)
            return sequence_kl(model, batch[RETAIN], wanted).mean()
        if self.config.retain_loss == "jsd":
            wanted = batch.reference.scored_logits(RETAIN)
            return sequence_jsd(model, batch[RETAIN], wanted).mean()
        return sequence_nll(model, batch[RETAIN]).mean()

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams of the forget term, then that of the retain term."""
        forget = [FORGET, *(name for name in self.forget_streams() if name != FORGET)]
        return [forget, [RETAIN]] if self.retains() else [forget]
