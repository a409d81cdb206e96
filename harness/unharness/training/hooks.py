"""What a training lets its user do within an optimizer step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.model_types import LanguageModel

Gradients = Mapping[str, "Tensor"]
"""By name of a parameter: its gradient. Under FSDP each process holds a part of it."""


class StepHooks:
    """The hooks of an optimizer step, in the order in which they are called.

    For each pass `before_pass`, then a forward and backward pass over all of the step's
    micro-batches, then `combine_gradients` where gradients are separate; then `finish_gradients`,
    clipping, the optimizer, `after_step`.
    """

    @property
    def passes(self) -> int:
        """How many times the step's examples are passed forward and backward, at least 1."""
        return 1

    @property
    def separate_gradients(self) -> bool:
        """Whether the terms' gradients are kept apart and joined by `combine_gradients`."""
        return False

    def before_pass(self, model: LanguageModel, index: int) -> None:
        """Prepare pass `index`, from 0.

        The gradients of the passes before are in the parameters' `grad`, of the mean over the
        step's examples; those of this pass are added to what is left there. Weights that are
        moved here must be moved back by `finish_gradients` at the latest.
        """

    def restart_pass(self) -> None:
        """Forget what was seen of a pass: memory ran out, and it begins again in smaller parts."""

    def combine_gradients(self, terms: Sequence[Gradients]) -> Gradients:
        """Return the gradient of a pass from those of its terms, in their order.

        Each is of the mean over the step's examples; a parameter that a term does not depend on is
        missing in it. The default adds them.
        """
        total: dict[str, Tensor] = {}
        for term in terms:
            for name, value in term.items():
                total[name] = total[name] + value if name in total else value
        return total

    def finish_gradients(self, model: LanguageModel) -> None:
        """Change the gradients of an optimizer step, when all its passes have been backward.

        The default leaves them as they are.
        """

    def after_step(self, model: LanguageModel) -> None:
        """Act once the optimizer has moved the weights; dual variables are moved here."""

    def training_state(self) -> Mapping[str, object]:
        """Return what is kept in Python from step to step, and in the report, by name.

        So that a training that is interrupted can go on: tensors, and JSON values. Who defines it
        says all; of others a training is resumed only where nothing that they hold has changed.
        """
        return {}

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `training_state` returned; `prepare` has run, and no step yet.

        Args:
            state: tensors on the devices that they were on; of JSON values, tuples are lists.
        """


class TermGradients:
    """The gradients of a pass's terms, summed over its micro-batches."""

    def __init__(self) -> None:
        self._terms: list[dict[str, Tensor]] = []

    def take(self, index: int, model: LanguageModel) -> None:
        """Move the gradients that the model holds to term `index`."""
        if index == len(self._terms):
            self._terms.append({})
        sums = self._terms[index]
        for name, value in model.named_parameters():
            if value.grad is not None:
                sums[name] = sums[name] + value.grad if name in sums else value.grad
                value.grad = None

    def put_back(self, model: LanguageModel, hooks: StepHooks, before: Gradients) -> None:
        """Give the model the combined gradient, added to those of earlier passes."""
        combined = hooks.combine_gradients(self._terms)
        for name, value in model.named_parameters():
            value.grad = combined.get(name)
        add_gradients(model, before)


def add_gradients(model: LanguageModel, before: Gradients) -> None:
    """Add gradients of earlier passes to those that the model holds."""
    for name, value in model.named_parameters():
        if name in before:
            value.grad = before[name] if value.grad is None else before[name] + value.grad


def take_gradients(model: LanguageModel) -> dict[str, Tensor]:
    """Return the gradients that the model holds, and take them from it."""
    taken = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    for value in model.parameters():
        value.grad = None
    return taken
