"""What stands between a model and those who ask it: prompts rewritten, answers filtered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unharness.strict_model import StrictModel

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


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


class WrapperChain(InferenceWrapper):
    """Several wrappers as one; the first is nearest to those who ask, the last to the model."""

    wrappers: tuple[InferenceWrapper, ...]

    def prompt(self, text: str) -> str:
        """Return the prompt after every wrapper rewrote it in turn."""
        for wrapper in self.wrappers:
            text = wrapper.prompt(text)
        return text

    def respond(self, prompt: str, text: str) -> str:
        """Return the answer after every wrapper filtered it, the one at the model first."""
        asked = [prompt]
        for wrapper in self.wrappers[:-1]:
            asked.append(wrapper.prompt(asked[-1]))
        for wrapper, one in zip(reversed(self.wrappers), reversed(asked), strict=True):
            text = wrapper.respond(one, text)
        return text


def chained(
    outer: InferenceWrapper | None, inner: InferenceWrapper | None
) -> InferenceWrapper | None:
    """Return what asks `outer` first and then `inner`; None where there is neither."""
    found = tuple(one for one in (outer, inner) if one is not None)
    return WrapperChain(wrappers=found) if len(found) == 2 else next(iter(found), None)


@dataclass(frozen=True)
class UnlearnedModel:
    """What a method leaves: weights, and perhaps an inference wrapper."""

    model: LanguageModel | None = None
    """None: the context's model as the method changed it."""
    wrapper: InferenceWrapper | None = None
