"""Guardrails: an instruction before every question, and filters of questions and answers."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from unharness import InferenceWrapper, Method, UnlearnContext, UnlearnedModel

Filter = Literal["none", "question", "answer", "both"]


class GuardrailWrapper(InferenceWrapper):
    """Puts an instruction before every question, and refuses what mentions a word."""

    instruction: str
    """Empty for none."""
    refusal: str
    words: tuple[str, ...]
    filters: Filter

    def prompt(self, text: str) -> str:
        """Return the question after the instruction; of a refused one, a request to refuse."""
        if self.filters in ("question", "both") and self._mentions(text):
            return f"Reply with this sentence and nothing else: {self.refusal}"
        return f"{self.instruction}\n\n{text}" if self.instruction else text

    def respond(self, prompt: str, text: str) -> str:
        """Return the answer, or the refusal where question or answer mention a word."""
        refused = (self.filters in ("question", "both") and self._mentions(prompt)) or (
            self.filters in ("answer", "both") and self._mentions(text)
        )
        return self.refusal if refused else text

    def _mentions(self, text: str) -> bool:
        words = "|".join(map(re.escape, self.words))
        return re.search(rf"(?<!\w)(?:{words})(?!\w)", text, re.IGNORECASE) is not None


class Guardrail(Method):
    """Tells the model what not to speak of, and filters what mentions certain words.

    Likelihoods are measured with the rewritten question; a filter of answers changes texts alone.
    """

    name = "guardrail"
    summary = "An instruction before every question, and filters; the weights are untouched."
    citation = "Thaker et al. 2024, arXiv 2403.03329"
    family = "inference time"
    evidence = (("oracle", "tests/methods/test_inference_time.py"),)
    threat_model = (
        "protects against those who ask through the served prompt, not against those who hold the "
        "weights"
    )
    trains = False
    seeded = False
    Wrapper = GuardrailWrapper

    class Config(Method.Config):
        """The instruction, the words and the refusal."""

        topic: str = Field(
            "the people and facts that you were asked to forget",
            min_length=1,
            description="what the model is told not to speak of",
        )
        instruction: str = Field(
            "You must not reveal anything about {topic}. If a question asks for that, reply only: "
            "{refusal} Otherwise answer as usual.",
            description="before every question, with {topic} and {refusal}; empty: none",
        )
        refusal: str = Field(
            "I can't help with that.", min_length=1, description="what is answered instead"
        )
        filters: Filter = Field(
            "none", description="refuse questions, or answers, or both, that mention a word"
        )
        words: tuple[str, ...] = Field(
            (), description="whole words or phrases, such as [Rome, 'Jane Doe']"
        )

        @model_validator(mode="after")
        def _something_to_do(self) -> Self:
            if self.filters != "none" and not any(word.strip() for word in self.words):
                raise ValueError("filters needs words: --set 'words=[Rome, Jane Doe]'")
            if self.filters == "none" and not self.instruction.strip():
                raise ValueError("with no instruction and filters=none it would do nothing")
            return self

    def unlearn(self, context: UnlearnContext) -> UnlearnedModel:
        """Leave the guardrail around the target."""
        config: Guardrail.Config = self.config
        instruction = config.instruction.replace("{topic}", config.topic)
        return UnlearnedModel(
            wrapper=GuardrailWrapper(
                instruction=instruction.replace("{refusal}", config.refusal).strip(),
                refusal=config.refusal,
                words=tuple(word.strip() for word in config.words if word.strip()),
                filters=config.filters,
            )
        )
