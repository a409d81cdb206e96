"""KL divergence over a vocabulary, without holding several copies of the distributions."""

from __future__ import annotations

from typing import Any

import torch

# Positions whose distributions are lifted to float32 at a time: 256 of 128,000 entries are 131 MB.
POSITIONS_AT_ONCE = 256


def position_kl(logits: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return KL(reference ‖ model) at each position, (N,) float32, nats.

    Args:
        logits: (N, V), the model's; the gradient goes here.
        reference: (N, V), without gradient.
    """
    values: torch.Tensor = PositionKL.apply(logits, reference)  # type: ignore[no-untyped-call]
    return values


class PositionKL(torch.autograd.Function):
    """The divergence and its gradient.

    The gradient with respect to the model's logits is softmax(model) − softmax(reference), so it
    is computed with the value, in place of keeping both distributions for the backward pass.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Return the divergences, and keep their gradient."""
        values = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
        gradient = torch.empty_like(logits)
        for start in range(0, len(logits), POSITIONS_AT_ONCE):
            part = slice(start, start + POSITIONS_AT_ONCE)
            own = logits[part].float().log_softmax(dim=-1)
            wanted = reference[part].float().log_softmax(dim=-1)
            weights = wanted.exp()
            values[part] = (weights * (wanted - own)).sum(dim=-1)
            gradient[part] = own.exp_().sub_(weights).to(logits.dtype)
        ctx.save_for_backward(gradient)
        return values

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient for the logits, (N, V)."""
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0][:, None].to(gradient.dtype), None
