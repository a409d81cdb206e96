"""The target model as it is."""

from __future__ import annotations

from unharness import Method, UnlearnContext


class Vanilla(Method):
    """Does nothing; its row shows what there is to forget and to lose."""

    name = "vanilla"
    summary = "Does nothing: the target model's own row."
    family = "reference rows"
    seeded = False
    trains = False

    def unlearn(self, context: UnlearnContext) -> None:
        """Leave the model alone."""
