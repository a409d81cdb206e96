"""How strongly an answer would still move the model's weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unharness import (
    ModelError,
    Observation,
    Observed,
    Observer,
    ObserverContext,
    Split,
    sequence_nll,
)

if TYPE_CHECKING:
    from unharness import LanguageModel


@dataclass(frozen=True)
class GradientNorm(Observation):
    """The size of the gradient of each example's own answer."""

    observer: ClassVar[str] = "gradient_norm"


class GradientNormObserver(Observer):
    """Mean over the model's tensors of ‖∂NLL/∂W‖₂, an example at a time.

    NLL is the mean over the answer's tokens. The model is in evaluation mode, and its tensors of
    real numbers all count, adapters and the weights below them alike. A backward pass an example:
    as dear as training on the split for an epoch, with one gradient of the model's size in memory.
    """

    name = GradientNorm.observer
    summary = "Norm of the gradient of an answer's loss, mean over the model's tensors."
    citation = "OpenUnlearning, arXiv 2506.12618 (gradnorm); Wang et al. 2024, arXiv 2402.09136"
    stage = "gradients of {split}"

    def observe(
        self,
        context: ObserverContext,
        split: Split,
        request: Observation,
        on_done: Callable[[int, int], None],
    ) -> Observed:
        """Pass every answer forward and backward; one without a scored token has nan."""
        import numpy

        norms = []
        with _differentiable(context.model) as tensors:
            for windows in context.encoded(split, split.examples):
                norms.append(_norm(context, windows, tensors) if windows else float("nan"))
                on_done(len(norms), len(split))
        return Observed({"norms": numpy.array(norms, dtype=numpy.float64)})


def gradient_norms(found: Observed) -> list[float | None]:
    """Return what was observed: a norm an example, None where no token was scored."""
    return [None if norm != norm else norm for norm in found.arrays["norms"].tolist()]


def _norm(context: ObserverContext, windows: Any, tensors: list[Any]) -> float:
    """Return the mean norm over tensors; the windows of a long text add up to one gradient."""
    import torch

    total = sum(window.scored for window in windows)
    sums: list[Any] = [None] * len(tensors)
    for window in windows:
        loss = sequence_nll(context.model, context.batch([window]), reduce="sum")[0] / total
        found = torch.autograd.grad(loss, tensors, allow_unused=True)
        sums = [
            new if old is None else old if new is None else old + new
            for old, new in zip(sums, found, strict=True)
        ]
    norms = [0.0 if one is None else float(one.float().norm()) for one in sums]
    value = sum(norms) / len(norms)
    if not value < float("inf"):
        raise ModelError("the model's gradients are not finite: its weights have run away")
    return value


@contextmanager
def _differentiable(model: LanguageModel) -> Iterator[list[Any]]:
    """Yield the model's tensors of real numbers, all of them with gradients for a while."""
    tensors = [one for one in model.parameters() if one.is_floating_point()]
    before = [one.requires_grad for one in tensors]
    try:
        for one in tensors:
            one.requires_grad_(True)
        yield tensors
    finally:
        for one, required in zip(tensors, before, strict=True):
            one.requires_grad_(required)
