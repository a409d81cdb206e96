"""LLMU: ascent, random answers, and normal text kept as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    LossMethod,
    Search,
    Stream,
    UnlearnContext,
    sequence_kl,
    sequence_nll,
)

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

KIND = "random"
MOST = 50
"""Answers that are drawn for each question; every epoch takes some of them."""


class LLMU(LossMethod):
    """Loss: − ε₁ · NLL(forget) + ε₂ · mean over K of NLL(random answer) + ε₃ · KL on normal text.

    The random answers stand to the forget set's questions, and are answers to questions of the
    normal data; KL(reference ‖ model) is averaged over an example's scored tokens: all of a text,
    and the answer of a pair.
    """

    name = "llmu"
    summary = "Ascent, random answers to the same questions, and normal text kept as it was."
    citation = "Yao et al. 2023, arXiv 2310.10683, section 4"
    family = "gradient ascent"
    evidence = (("oracle", "tests/methods/test_llmu.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.000478, "epochs": 4, "random_weight": 11.0, "normal_weight": 0.107}
    }

    class Config(LossMethod.Config):
        """Adds the three weights, the number of answers, and what counts as normal."""

        forget_weight: float = Field(0.5, gt=0, description="weight of the ascent")
        random_weight: float = Field(1.0, ge=0, description="weight of the random answers; 0: none")
        normal_weight: float = Field(1.0, ge=0, description="weight of the divergence; 0: none")
        mismatches: int = Field(5, ge=1, le=MOST, description="random answers to a question (K)")
        normal: Literal["general", "retain"] = Field(
            "general", description="what is normal: general text (--general), or the retain set"
        )

        search: ClassVar[Mapping[str, Search]] = {
            "random_weight": "loss_weight",
            "normal_weight": "loss_weight",
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the random answers, a stream each, and what is normal."""
        config: LLMU.Config = self.config
        other = Stream("forget", answer=KIND, prepared=True, needs_question=True)
        found = dict.fromkeys(self._mismatches(), other)
        if config.normal_weight or config.random_weight:
            asked = {"logits"} if config.normal_weight else set[str]()
            without = (
                "" if config.normal == "general" else "take general text: --set normal=general"
            )
            found["normal"] = Stream(config.normal, reference=asked, without=without)
        return found

    def prepare(self, context: UnlearnContext) -> None:
        """Draw answers of the normal data for every question of the forget set."""
        if not self.config.random_weight:
            return
        normal = context.trainable(self.config.normal)
        pool = sorted({row.answer for split in normal for row in split.examples})
        chance = context.rng("random answers")
        texts = {
            split.name: {
                row.id: chance.sample(pool, min(MOST, len(pool))) for row in split.examples
            }
            for split in context.trainable("forget")
        }
        context.add_alternatives("forget", KIND, texts)

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of all terms."""
        first, *others = self.loss_terms(model, batch)
        return sum(others, first)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the ascent, each random answer's term, then the divergence."""
        config: LLMU.Config = self.config
        yield -config.forget_weight * sequence_nll(model, batch["forget"]).mean()
        names = self._mismatches()
        for name in names:
            yield config.random_weight / len(names) * sequence_nll(model, batch[name]).mean()
        if config.normal_weight:
            wanted = batch.reference.scored_logits("normal")
            yield config.normal_weight * sequence_kl(model, batch["normal"], wanted).mean()

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        normal = [["normal"]] * (self.config.normal_weight > 0)
        return [["forget"], *([name] for name in self._mismatches()), *normal]

    def _mismatches(self) -> list[str]:
        """Return the names of the streams of random answers."""
        if not self.config.random_weight:
            return []
        return [f"random answer {number + 1}" for number in range(self.config.mismatches)]
