"""Losses of single positions over a vocabulary, without holding several copies of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unharness.training.divergence import POSITIONS_AT_ONCE

Formula = Callable[..., torch.Tensor]


class PositionLosses(torch.autograd.Function):
    """A formula's values and gradient, some positions at a time.

    The gradient for the logits is computed with the values and kept in their place: a formula may
    hold as many float32 distributions as it likes, of a few positions only.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, formula: Formula, *aligned: torch.Tensor
    ) -> torch.Tensor:
        """Return the values, (N,) float32, and keep their gradient."""
        values = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
        gradient = torch.empty_like(logits)
        for start in range(0, len(logits), POSITIONS_AT_ONCE):
            part = slice(start, start + POSITIONS_AT_ONCE)
            own = logits[part].detach().float().requires_grad_()
            with torch.enable_grad():
                found = formula(own, *(other[part] for other in aligned))
                [slope] = torch.autograd.grad(found.sum(), own)
            values[part], gradient[part] = found.detach(), slope
        ctx.save_for_backward(gradient)
        ctx.aligned = len(aligned)
        return values

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradient for the logits, (N, V)."""
        (gradient,) = ctx.saved_tensors
        mine = gradient * upstream[0][:, None].to(gradient.dtype)
        return (mine, None, *(None for _ in range(ctx.aligned)))
