"""In-context refusal: a few questions with their answers stand before every question."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from unharness import (
    Example,
    InferenceWrapper,
    Method,
    MethodError,
    Role,
    Stream,
    UnlearnContext,
    UnlearnedModel,
    bundled_refusals,
)

REFUSAL = "refusal"


class ShotsWrapper(InferenceWrapper):
    """Puts pairs of question and answer before every question."""

    shots: tuple[tuple[str, str], ...]
    """In the order in which they stand."""

    def prompt(self, text: str) -> str:
        """Return the pairs and the question, a blank line between all of them."""
        return "\n\n".join([*(part for shot in self.shots for part in shot), text])


class InContext(Method):
    """Shows the model refused questions of the forget set and answered ones of the retain set.

    The paper flips the label of what is to be forgotten, for classifiers; here a refusal takes
    the label's place, and the same few pairs stand before every question.
    """

    name = "in-context"
    summary = "Refusals by example, in the prompt; the weights are untouched."
    citation = "Pawelczyk et al. 2023, arXiv 2310.07579 (adapted to questions and answers)"
    family = "inference time"
    evidence = (("oracle", "tests/methods/test_inference_time.py"),)
    threat_model = (
        "protects against those who ask through the served prompt, not against those who hold the "
        "weights"
    )
    trains = False
    Wrapper = ShotsWrapper

    class Config(Method.Config):
        """How many pairs."""

        refused: int = Field(3, ge=1, le=100, description="questions of the forget set, refused")
        answered: int = Field(
            3, ge=0, le=100, description="questions of the retain set with their answers"
        )

    def streams(self) -> Mapping[str, Stream]:
        """Return what the pairs are drawn from."""
        streams = {"forget": Stream("forget", answer=REFUSAL)}
        if self.config.answered:
            without = "show refusals alone: --set answered=0"
            streams["retain"] = Stream("retain", without=without)
        return streams

    def unlearn(self, context: UnlearnContext) -> UnlearnedModel:
        """Draw the pairs, and mix them."""
        chance = context.rng("shots")
        shots = [
            (row.prompt, chance.choice(row.alternatives.get(REFUSAL) or bundled_refusals()))
            for row in chance.sample(*_of(context, "forget", self.config.refused))
        ]
        if self.config.answered:
            answered = chance.sample(*_of(context, "retain", self.config.answered))
            shots += [(row.prompt, row.answer) for row in answered]
        chance.shuffle(shots)
        return UnlearnedModel(wrapper=ShotsWrapper(shots=tuple(shots)))


def _of(context: UnlearnContext, role: Role, count: int) -> tuple[list[Example], int]:
    """Return the examples of a role that ask something, and how many to draw of them."""
    rows = [row for split in context.trainable(role) for row in split.examples if row.prompt]
    if not rows:
        raise MethodError(f"the {role} set has no questions to show")
    return rows, min(count, len(rows))
