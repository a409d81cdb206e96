"""Sharpness-aware unlearning: any loss, its forget part at the worst weights nearby."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import Choice, Search, UnlearnContext, WrapperMethod
from unharness_methods.gradients import Gradients, added, length

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class NPOSAM(WrapperMethod):
    """Gradient: ∇L_f(θ + ε) + ∇R(θ), with ε = ρ · g / ‖g‖ and g = ∇L_f(θ).

    L_f are the base's terms that read the forget set, R the others. The norm is over all trained
    tensors; under LoRA the neighbourhood is that of the adapter's factors, not of the weights that
    they make. Every step passes its examples twice.
    """

    name = "npo-sam"
    summary = "Another method's loss, its forget part at the worst weights within a radius."
    citation = "Fan et al. 2025, arXiv 2502.05374, eq. 5"
    family = "wrapper"
    evidence = (("oracle", "tests/methods/test_wrappers.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.000955, "epochs": 4, "rho": 0.1}
    }
    passes = 2
    separate_gradients = True

    class Config(WrapperMethod.Config):
        """Adds the radius."""

        base: str = Field(
            "npo",
            description="the method whose loss is trained: NAME, or NAME:SETTING=VALUE,… with its "
            "own hyperparameters",
        )
        rho: float = Field(0.01, gt=0, description="radius: the L2 length of the weights' shift")

        search: ClassVar[Mapping[str, Search]] = {"rho": Choice((0.001, 0.01, 0.1))}

    def prepare(self, context: UnlearnContext) -> None:
        """Prepare the base; nothing is moved yet."""
        super().prepare(context)
        self._pass = 0
        self._forget: Gradients = {}
        self._before: Mapping[str, Tensor] = {}

    def before_pass(self, model: LanguageModel, index: int) -> None:
        """Move the weights before the second pass."""
        self._pass = index
        if index == 0:
            return
        self._before = move_along(model, self._forget, self.config.rho)
        self._forget = {}

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the base's terms; in the second pass those that read the forget set."""
        if self._pass == 0:
            return self.wrapped.loss_terms(model, batch)
        return self.forget_terms(model, batch)

    def combine_gradients(self, terms: Sequence[Gradients]) -> Gradients:
        """Return the retain gradient of the first pass, the forget gradient of the second."""
        if self._pass == 1:
            return added(terms)
        forget, others = self.split_terms(terms)
        self._forget = added(forget)
        return added(others)

    def finish_gradients(self, model: LanguageModel) -> None:
        """Move the weights back."""
        put_back(model, self._before)
        self._before = {}
        super().finish_gradients(model)

    def training_state(self) -> Mapping[str, object]:
        """Return nothing: what a pass leaves is used up within its step."""
        return {}


def move_along(model: LanguageModel, gradients: Gradients, radius: float) -> dict[str, Tensor]:
    """Add radius · g / ‖g‖ to the weights, and return what they were; g = 0 moves nothing."""
    import torch

    before: dict[str, Tensor] = {}
    size = length(gradients)
    if size == 0:
        return before
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name in gradients:
                before[name] = value.detach().clone()
                value.add_(gradients[name].to(value.dtype), alpha=radius / size)
    return before


def put_back(model: LanguageModel, before: Mapping[str, Tensor]) -> None:
    """Give the weights the values that `move_along` returned."""
    import torch

    with torch.no_grad():
        for name, value in model.named_parameters():
            if name in before:
                value.copy_(before[name])
