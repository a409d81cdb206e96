"""AltPO: preference for other answers that the target model itself finds plausible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import RetainLossMethod, Search, Stream, UnlearnContext, sequence_log_ratios
from unharness_methods.preference import pairwise_preference
from unharness_methods.sampled_answers import Asked, normalised, sampled_answers

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch

GENERATED = "generated"
INSTRUCTION = (
    "Answer this question with made-up facts: the answer must be plausible, of the same form as a "
    "true one, and wrong.\n{question}"
)


class AltPO(RetainLossMethod):
    """Forget loss: mean of −(2/β) · ln σ(β · (log-ratio of another answer − that of the true one)).

    Both are ratios to the target model, sums over tokens. The other answers are sampled from the
    target model, or are of a kind that the task brings; one is drawn for every example, anew in
    every epoch. An epoch of the paper passes all of them.
    """

    name = "altpo"
    summary = "Preference for plausible wrong answers, sampled from the target model."
    citation = "Mekala et al. 2024, arXiv 2409.13474"
    family = "preference"
    evidence = (("oracle", "tests/methods/test_altpo.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00388, "epochs": 4, "retain_weight": 50.7, "beta": 0.0176}
    }

    class Config(RetainLossMethod.Config):
        """Adds β, and where the other answers come from."""

        beta: float = Field(0.1, gt=0, description="inverse temperature of the ratios' difference")
        answers: str = Field(
            GENERATED,
            min_length=1,
            description="other answers: generated, or a kind that the task brings, such as "
            "perturbed",
        )
        alternatives: int = Field(
            5, ge=1, le=100, description="answers that are sampled for each question"
        )
        temperature: float = Field(1.0, gt=0, le=10, description="at which they are sampled")
        max_new_tokens: int = Field(96, ge=1, le=4096, description="of a sampled answer")

        search: ClassVar[Mapping[str, Search]] = {"beta": "inverse_temperature"}

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the answers and, aligned with them, the other ones."""
        answers, asked = self.config.answers, {"log_probs"}
        other = Stream(
            "forget",
            answer=answers,
            prepared=answers == GENERATED,
            needs_question=answers == GENERATED,
            reference=asked,
            without="have the target model make them: --set answers=generated",
        )
        return {"forget": Stream("forget", reference=asked), "alternative": other}

    def prepare(self, context: UnlearnContext) -> None:
        """Sample the other answers, unless the task brings them."""
        config: AltPO.Config = self.config
        if config.answers != GENERATED:
            return
        asked = Asked(
            INSTRUCTION,
            config.alternatives,
            config.temperature,
            config.max_new_tokens,
            refused=lambda row, text: normalised(text) == normalised(row.answer),
        )
        found = sampled_answers(context, context.trainable("forget"), asked)
        context.add_alternatives("forget", GENERATED, found.texts)
        context.report["alternatives"] = found.report()

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the pairs."""
        other = sequence_log_ratios(model, batch, "alternative")
        answer = sequence_log_ratios(model, batch, "forget")
        return pairwise_preference(other, answer, self.config.beta).mean()
