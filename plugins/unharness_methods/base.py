"""The model before it learned the facts."""

from __future__ import annotations

from unharness import Method, UnlearnContext


class Base(Method):
    """Takes the base model; its row shows what is known without the task's data.

    A preset that is trained from nothing learns its general facts by the target's recipe, and
    nothing of the task. Any other base model is left as it is.
    """

    name = "base"
    summary = "The base model, before it learned the task's facts."
    family = "reference rows"
    seeded = False
    trains_base = True

    def unlearn(self, context: UnlearnContext) -> None:
        """Replace the model by the base."""
        context.load_state(context.fine_tune("base", ()))
