"""GRU: the forget gradient, rectified where it opposes the retain gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import Choice, Search, UnlearnContext, WrapperMethod
from unharness_methods.gradients import Gradients, added, plus, product

if TYPE_CHECKING:
    from torch import Tensor


def rectified(forget: Gradients, retain: Gradients) -> dict[str, Tensor]:
    """Return g_f without its part against g_r: g_f − min(0, ⟨g_f, g_r⟩) / ‖g_r‖² · g_r."""
    against = product(forget, retain)
    size = product(retain, retain)
    if against >= 0 or size == 0:
        return dict(forget)
    return plus(forget, retain, -against / size)


class GRU(WrapperMethod):
    """Gradient: g_f, projected so that it does not oppose ĝ_r, + retain_gradient · g_r.

    g_f is of the base's terms that read the forget set, g_r of the others; ĝ_r is a moving mean,
    ema · g_r + (1 − ema) · its last value. Products are over all trained tensors together.
    """

    name = "gru"
    summary = "Another method's forget gradient, without its part against the retain gradient."
    citation = "Wang et al. 2025, arXiv 2503.09117"
    family = "wrapper"
    evidence = (("oracle", "tests/methods/test_wrappers.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.000288, "epochs": 4, "ema": 0.8}
    }
    separate_gradients = True
    needs_kept_term = True

    class Config(WrapperMethod.Config):
        """Adds the moving mean, and the retain gradient's own weight."""

        base: str = Field(
            "npo",
            description="the method whose loss is trained: NAME, or NAME:SETTING=VALUE,… with its "
            "own hyperparameters; it has a retain term",
        )
        ema: float = Field(
            0.9, gt=0, le=1, description="weight of the step's own retain gradient; 1: no mean"
        )
        retain_gradient: float = Field(
            0.0, ge=0, description="what of the step's retain gradient is added, after rectifying"
        )

        search: ClassVar[Mapping[str, Search]] = {"ema": Choice((0.8, 0.9, 0.95, 1.0))}

    def prepare(self, context: UnlearnContext) -> None:
        """Begin without a mean."""
        super().prepare(context)
        self._mean: Gradients = {}
        self._report = context.report
        self._report["rectified_steps"] = 0

    def combine_gradients(self, terms: Sequence[Gradients]) -> Gradients:
        """Return the rectified gradient of a step."""
        forget, others = (added(found) for found in self.split_terms(terms))
        ema = self.config.ema
        self._mean = plus(self._mean, others, ema, own=1 - ema) if self._mean else others
        self._report["rectified_steps"] += int(product(forget, self._mean) < 0)
        return plus(rectified(forget, self._mean), others, self.config.retain_gradient)

    def training_state(self) -> Mapping[str, object]:
        """Return the mean gradient, by parameter, and how many steps were rectified."""
        mean = {f"mean/{name}": value for name, value in self._mean.items()}
        return {"rectified_steps": self._report["rectified_steps"], **mean}

    def load_training_state(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on with the mean."""
        self._report["rectified_steps"] = state["rectified_steps"]
        self._mean = {
            name.removeprefix("mean/"): value
            for name, value in state.items()
            if not isinstance(value, int)
        }
