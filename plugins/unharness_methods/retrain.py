"""The gold standard: a model that never saw the forget set."""

from __future__ import annotations

from unharness import Method, UnlearnContext


class Retrain(Method):
    """Trains the base model on the retain set alone, by the target's own recipe.

    All splits of the retain set are used, as for the target: what it should still know is what
    the target knew.
    """

    name = "retrain"
    summary = "The gold standard: a model trained on the retain set alone."
    family = "reference rows"
    trains_base = True
    reads_all_splits = True

    def unlearn(self, context: UnlearnContext) -> None:
        """Replace the model by the retrained one."""
        context.load_state(context.fine_tune("base", context.splits.learned(without="forget")))
