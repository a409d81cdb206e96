"""An instruction before every question (KnowUnDo, arXiv 2407.01920, figure 5)."""

from __future__ import annotations

from pydantic import Field

from unharness import Attack, AttackContext, InferenceWrapper, UnlearnedModel

SEPARATOR = "\n\n"


class Instruction(InferenceWrapper):
    """Puts an instruction and a blank line before a question."""

    text: str

    def prompt(self, text: str) -> str:
        """Return the question with the instruction before it."""
        return self.text + SEPARATOR + text


class PromptAttack(Attack):
    """Asks the same weights under an instruction; nothing is trained."""

    name = "prompt"
    summary = "Puts an instruction before every evaluated question."
    citation = "Tian et al. 2024, arXiv 2407.01920"
    changes_weights = False
    Wrapper = Instruction

    class Config(Attack.Config):
        """The instruction; `--prompt NAME|FILE` fills it in."""

        text: str = Field(min_length=1, description="the instruction")

    def apply(self, context: AttackContext) -> UnlearnedModel:
        """Leave the weights alone, and put the instruction before what is asked."""
        return UnlearnedModel(wrapper=Instruction(text=self.config.text))
