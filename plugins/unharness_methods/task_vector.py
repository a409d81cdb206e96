"""Task arithmetic: the negation of what fine-tuning on the forget set changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from unharness import FineTuneConfig, FloatRange, Method, Search, UnlearnContext


def negation(scale: float) -> tuple[float, float]:
    """Return the factors of θ and of θ_ft in θ − scale · (θ_ft − θ)."""
    return 1 + scale, -scale


class TaskVector(Method):
    """θ' = θ − scale · (θ_ft − θ), θ the target and θ_ft the target fine-tuned on the forget set.

    Adapters are subtracted by what they do to the weights, in float32, rounded once; whole weights
    are left. θ_ft is kept, so that another scale trains nothing.
    """

    name = "task-vector"
    summary = "Subtracts what fine-tuning on the forget set adds to the weights."
    citation = "Ilharco et al. 2022, arXiv 2212.04089, section 3"
    family = "weight edit"
    evidence = (("oracle", "tests/methods/test_task_vector.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": {"epochs": 4, "scale": 1.06}}

    class Config(Method.Config):
        """The scale, and the fine-tuning."""

        scale: float = Field(1.0, gt=0, description="multiple of the vector that is subtracted")
        epochs: int = Field(5, ge=1, le=10_000, description="of the fine-tuning on the forget set")
        lr: float | None = Field(
            None, gt=0, le=10, description="of the fine-tuning; none: that of the target's recipe"
        )

        search: ClassVar[Mapping[str, Search]] = {"scale": FloatRange(0.1, 5, log=True)}

    def unlearn(self, context: UnlearnContext) -> None:
        """Fine-tune on the forget set, and subtract the change."""
        config: TaskVector.Config = self.config
        recipe = context.target_recipe or FineTuneConfig()
        changed = {"epochs": config.epochs} | ({"lr": config.lr} if config.lr else {})
        recipe = recipe.model_copy(update=changed)
        start = context.state()
        tuned = context.fine_tune("target", context.trainable("forget"), recipe)
        own, other = negation(config.scale)
        context.load_state(context.combine_states([(start, own), (tuned, other)]))
