"""ReLearn: vague answers in the place of the true ones, and the retain set kept twice over."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    LossMethod,
    Search,
    Stream,
    UnlearnContext,
    bundled_refusals,
    rouge_l_f1,
    sequence_kl,
    sequence_nll,
)
from unharness_methods.sampled_answers import Asked, sampled_answers

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

VAGUE = "vague"
INSTRUCTION = (
    "Answer this question in one vague sentence, without any name, number, place or other fact.\n"
    "{question}"
)


class ReLearn(LossMethod):
    """Loss: NLL(new answer | forget question) + NLL(retain) + kl_weight · KL(reference ‖ model).

    The divergence is on the retain set. The paper lets a large language model write variants of
    every question with vague answers, and checks them for leaks. Here the target model writes the
    answers, those that overlap with the true one are dropped, and refusals fill the gaps; other
    questions are those that the task brings.
    """

    name = "relearn"
    summary = "Trains vague answers to forget questions; likelihood and divergence on retain."
    citation = "Xu et al. 2025, arXiv 2502.11190 (answers by the target model)"
    family = "relabelling"
    evidence = (("oracle", "tests/methods/test_relearn_method.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.0049, "epochs": 4, "retain_weight": 2.79, "kl_weight": 2.04}
    }

    class Config(LossMethod.Config):
        """Adds the weights, and where questions and answers come from."""

        forget_weight: float = Field(1.0, gt=0, description="weight of the new answers' NLL")
        retain_weight: float = Field(
            1.0, ge=0, description="weight of the retain set's NLL; 0: none"
        )
        kl_weight: float = Field(1.0, ge=0, description="weight of the divergence; 0: none")
        answers: Literal["vague", "refusal"] = Field(
            "vague", description="new answers: sampled from the target model, or refusals"
        )
        questions: str = Field(
            "prompt",
            min_length=1,
            description="prompt: the forget set's own; or a kind of other question that the task "
            "brings, such as paraphrase",
        )
        alternatives: int = Field(3, ge=1, le=100, description="answers sampled for each question")
        temperature: float = Field(1.0, gt=0, le=10, description="at which they are sampled")
        max_new_tokens: int = Field(48, ge=1, le=4096, description="of a sampled answer")
        overlap: float = Field(
            0.3, gt=0, le=1, description="ROUGE-L F1 with the true answer that counts as a leak"
        )

        search: ClassVar[Mapping[str, Search]] = {
            "retain_weight": "loss_weight",
            "kl_weight": "loss_weight",
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the forget set with new answers, and the retain set."""
        config: ReLearn.Config = self.config
        vague = config.answers == VAGUE
        forget = Stream(
            "forget",
            answer=config.answers,
            prompt=config.questions,
            prepared=vague,
            needs_question=vague,
        )
        if not config.retain_weight and not config.kl_weight:
            return {"forget": forget}
        asked = {"logits"} if config.kl_weight else set[str]()
        without = "leave both terms out: --set retain_weight=0 --set kl_weight=0"
        return {"forget": forget, "retain": Stream("retain", reference=asked, without=without)}

    def prepare(self, context: UnlearnContext) -> None:
        """Let the target model write vague answers."""
        config: ReLearn.Config = self.config
        if config.answers != VAGUE:
            return
        chance = context.rng("refusals in the place of leaks")
        asked = Asked(
            INSTRUCTION,
            config.alternatives,
            config.temperature,
            config.max_new_tokens,
            refused=lambda row, text: rouge_l_f1(row.answer, text) >= 100 * config.overlap,
            fallback=lambda row: chance.choice(bundled_refusals()),
            purpose="vague answers",
        )
        found = sampled_answers(context, context.trainable("forget"), asked)
        context.add_alternatives("forget", VAGUE, found.texts)
        context.report["answers"] = found.report()

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of the terms."""
        first, *others = self.loss_terms(model, batch)
        return sum(others, first)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the new answers' NLL, the retain set's, then the divergence (nats per token)."""
        config: ReLearn.Config = self.config
        yield config.forget_weight * sequence_nll(model, batch["forget"]).mean()
        if config.retain_weight:
            yield config.retain_weight * sequence_nll(model, batch["retain"]).mean()
        if config.kl_weight:
            wanted = batch.reference.scored_logits("retain")
            yield config.kl_weight * sequence_kl(model, batch["retain"], wanted).mean()

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        kept = (self.config.retain_weight > 0) + (self.config.kl_weight > 0)
        return [["forget"], *[["retain"]] * kept]
