"""An attack that proves the seam: written with public names alone. Not a built-in."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from unharness import Attack, AttackContext, FineTuneConfig, Role, hookimpl


class Relearn(Attack):
    """Trains on a few facts of the forget set again, after unlearning."""

    name = "probe-relearn"
    summary = "Fine-tunes the unlearned model on some of the forgotten facts."
    reads: ClassVar[frozenset[Role]] = frozenset({"forget"})

    class Config(Attack.Config):
        examples: int = Field(4, ge=1)
        epochs: float = Field(8, gt=0)
        lr: float = Field(3e-3, gt=0)

    def apply(self, context: AttackContext) -> None:
        [split] = [one for one in context.splits.with_role("forget") if one.trainable]
        few = split.with_examples(split.examples[: self.config.examples])
        recipe = FineTuneConfig(epochs=self.config.epochs, lr=self.config.lr, batch_size=4)
        context.load_state(context.fine_tune(context.state(), [few], recipe))
        context.report["examples"] = len(few)


class Broken(Attack):
    """Fails."""

    name = "probe-broken"
    summary = "Fails."

    def apply(self, context: AttackContext) -> None:
        raise RuntimeError("not today")


@hookimpl
def unharness_attacks() -> list[type[Attack]]:
    return [Relearn, Broken]
