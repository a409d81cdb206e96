"""What stands between a model and those who ask it: prompts rewritten, answers filtered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unharness.strict_model import StrictModel


class InferenceWrapper(StrictModel):
    """Rewrites prompts and filters answers. Derive from it; its fields are JSON values.

    Fields are kept in the record and given back to the class, so all that it needs must be in them.
    Every engine and every likelihood goes through it.
    """

    def prompt(self, text: str) -> str:
        """Return the prompt that the model is given in place of this one; the default keeps it.

        It is called before the template is applied.
        """
        return text

    def respond(self, prompt: str, text: str) -> str:
        """Return what is answered where the model generated `text`; the default keeps it.

        Args:
            prompt: as it was asked, before `prompt` rewrote it.
            text: what the model generated.
        """
        return text


@dataclass(frozen=True)
class UnlearnedModel:
    """What a method leaves: weights, and perhaps an inference wrapper."""

    model: Any = None
    """None: the context's model as the method changed it."""
    wrapper: InferenceWrapper | None = None
