"""From logits to a number per scored token, and from that to the mean that a loss returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unharness.training.likelihood import spread

if TYPE_CHECKING:
    from torch import Tensor


def position_losses(formula: Callable[..., Tensor], logits: Tensor, *aligned: Tensor) -> Tensor:
    """Return a formula's value at each position, computed for some hundred positions at a time.

    Between forward and backward pass one tensor of the logits' size is held, their gradient,
    whatever the formula makes of them. It cannot be differentiated twice.

    Args:
        formula: from float32 logits, (n, V), and n rows of each of `aligned`, to values, (n,); a
            position's value must not depend on other positions.
        logits: (N, V), any float type; the gradient goes here.
        aligned: tensors of N rows, without gradient.

    Returns:
        (N,) float32.
    """
    from unharness.training.position_losses import PositionLosses

    values: Tensor = PositionLosses.apply(logits, formula, *aligned)  # type: ignore[no-untyped-call]
    return values


def answer_means(values: Tensor, scored: Tensor) -> Tensor:
    """Return the mean over each example's scored tokens.

    Args:
        values: (N,) at the scored positions, in the order of the batch's rows; or (B, T-1).
        scored: (B, T-1) bool, as `scored_positions` gives it, or fewer positions.

    Returns:
        (B,) float32; 0 for an example without scored tokens.
    """
    table = values.masked_fill(~scored, 0) if values.dim() == 2 else spread(values, scored)
    return table.sum(dim=1) / scored.sum(dim=1).clamp(min=1)


def token_mean(values: Tensor, scored: Tensor, *, pooled: bool = False) -> Tensor:
    """Return the mean over examples of the mean over each one's scored tokens, a scalar.

    Args:
        values: (N,) or (B, T-1), as for `answer_means`.
        scored: (B, T-1) bool.
        pooled: one mean over all scored tokens of the batch in its place: long answers count
            more, and the gradient of a step depends on how it was split into micro-batches.
    """
    if pooled:
        kept = values[scored] if values.dim() == 2 else values
        return kept.sum() / max(kept.numel(), 1)
    return answer_means(values, scored).mean()
