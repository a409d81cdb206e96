"""Brief fine-tuning on a part of what was forgotten: how easily does the rest come back?"""

from __future__ import annotations

import random
from typing import ClassVar, Literal

from pydantic import Field

from unharness import Attack, AttackContext, FineTuneConfig, MethodError, Role, Split

Source = Literal["forget", "retain", "holdout"]
SLOWER = 10
"""The default rate is the target's own over this: at its peak a few steps would shake the target
itself."""


class Relearn(Attack):
    """Fine-tunes the unlearned model on a fixed part of a role's trainable splits.

    The same examples in the same order for every model, whatever its seed, so that the target and
    the retrained model relearn from the same batches. Whole groups (an author, a document) are
    chosen. Where a task evaluates the very split that is trained on, the trained part is evaluated
    with the rest: compare with the retrained row, which was taught the same. With `source=retain`
    nothing that was forgotten is taught again, and what comes back had only been hidden.
    """

    name = "relearn"
    summary = "Fine-tunes the unlearned model briefly on a part of the forget set."
    citation = "Lynch et al. 2024, arXiv 2402.16835; OpenUnlearning, arXiv 2506.12618"
    reads: ClassVar[frozenset[Role]] = frozenset({"forget", "retain", "holdout"})

    class Config(Attack.Config):
        """What is taught again, and how."""

        source: Source = Field("forget", description="role of the splits that are trained on")
        share: float = Field(0.5, gt=0, le=1, description="share of their groups")
        epochs: int = Field(1, ge=1, le=1000, description="passes over these examples")
        lr: float | None = Field(
            None,
            gt=0,
            le=10,
            description="learning rate (AdamW, falling to 0); none: a tenth of the target's",
        )
        batch_size: int = Field(16, ge=1, le=65_536, description="examples of a step")
        merge: bool = Field(
            False, description="train all weights, the adapter merged, and not the adapter alone"
        )
        seed: int = Field(0, ge=0, le=2**32 - 1, description="of choice, order and dropout")

    config: Config

    def apply(self, context: AttackContext) -> None:
        """Choose the examples, and train on them from the unlearned weights.

        Raises:
            MethodError: no split of the role may be trained on; or the target is given, so that
                no learning rate is known, and none is set.
        """
        config = self.config
        parts = [
            part(split, config.share, config.seed) for split in context.trainable(config.source)
        ]
        recipe = FineTuneConfig(
            epochs=config.epochs,
            lr=self._learning_rate(context),
            batch_size=config.batch_size,
            schedule="linear",
            warmup_ratio=0.0,
        )
        if config.merge:
            context.load_state(context.combine_states([(context.state(), 1.0)]))
        context.load_state(context.fine_tune(context.state(), parts, recipe, seed=config.seed))
        context.report |= {
            "examples": {split.name: len(split) for split in parts},
            "lr": recipe.lr,
        }

    def _learning_rate(self, context: AttackContext) -> float:
        if self.config.lr is not None:
            return self.config.lr
        if context.target_recipe is None:
            raise MethodError(
                "relearn: how the given target learned is unknown; set a rate: relearn:lr=1e-5"
            )
        return context.target_recipe.lr / SLOWER


def part(split: Split, share: float, seed: int) -> Split:
    """Return a split with a share of its groups, one at least, in their order.

    Examples without a group are one each. The choice depends on the seed and the groups' names.
    """
    names = sorted({example.group or example.id for example in split.examples})
    random.Random(f"relearn {seed}").shuffle(names)
    chosen = set(names[: max(1, round(share * len(names)))])
    return split.with_examples(
        example for example in split.examples if (example.group or example.id) in chosen
    )
