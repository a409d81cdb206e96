"""Refusal tuning with answer preservation: IDK+AP."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import LossMethod, Preset, Search, Stream, sequence_nll
from unharness_methods.preference import pairwise_preference
from unharness_methods.tofu_presets import tofu_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class IDKAP(LossMethod):
    """Loss: forget_weight · NLL(refusal | forget question) + preservation_weight · AP.

    AP is the mean over the retain set of −(1/β) · ln σ(β · (S(answer) − S(refusal))), S the
    log-probability of a whole answer: there the true answer must stay likelier than a refusal.
    AP couples two forward passes, so the activations of both are held.
    """

    name = "idk-ap"
    summary = "Trains refusals, while retain questions prefer their answers to refusals."
    citation = "Yuan et al. 2024, arXiv 2410.08109 (IDK+AP)"
    family = "relabelling"
    evidence = (
        ("oracle", "tests/methods/test_idk_ap.py"),
        ("official-code", "tests/methods/test_idk_ap.py"),
    )
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00131, "epochs": 4, "preservation_weight": 0.717, "beta": 0.0161}
    }
    presets: ClassVar[Sequence[Preset]] = tofu_presets(
        "sail-sg/closer-look-LLM-unlearning, scripts/tofu/idk_ap.sh, config/tofu.yaml at b90ac96",
        {
            # An epoch warms up; where it is a single step, none does.
            fraction: {"epochs": 5, "warmup_ratio": 0.0 if fraction == "01" else 0.2, "beta": 0.1}
            for fraction in ("01", "05", "10")
        },
    )

    class Config(LossMethod.Config):
        """Adds β and the two weights."""

        forget_weight: float = Field(1.0, gt=0, description="weight of the refusals' NLL")
        preservation_weight: float = Field(
            1.0, gt=0, description="weight of answer preservation on the retain set"
        )
        beta: float = Field(
            0.1, gt=0, description="inverse temperature of the difference of log-probabilities"
        )

        search: ClassVar[Mapping[str, Search]] = {
            "preservation_weight": "loss_weight",
            "beta": "inverse_temperature",
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return refusals to the questions of both sets, and the retain set's answers."""
        return {
            "forget": Stream("forget", answer="refusal"),
            "retain": Stream("retain"),
            "retain refusal": Stream("retain", answer="refusal"),
        }

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of both terms."""
        refusal, preservation = self.loss_terms(model, batch)
        return refusal + preservation

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the refusals' NLL (nats per token), then answer preservation."""
        config: IDKAP.Config = self.config
        yield config.forget_weight * sequence_nll(model, batch["forget"]).mean()
        answer = -sequence_nll(model, batch["retain"], reduce="sum")
        refusal = -sequence_nll(model, batch["retain refusal"], reduce="sum")
        kept = pairwise_preference(answer, refusal, config.beta, factor=1.0)
        yield config.preservation_weight * kept.mean()

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        return [["forget"], ["retain", "retain refusal"]]
