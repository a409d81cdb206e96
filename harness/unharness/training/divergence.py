"""Divergences over a vocabulary; KL without holding several copies of the distributions."""

from __future__ import annotations

import math
from typing import Any

import torch

# Positions whose distributions are lifted to float32 at a time: 256 of 128,000 entries are 131 MB.
POSITIONS_AT_ONCE = 256
LEAST = -1e4
"""Log-probability that stands for all below it: e to it is 0 in float32."""


def position_kl(logits: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return KL(reference ‖ model) at each position, (N,) float32, nats.

    Args:
        logits: (N, V), the model's; the gradient goes here.
        reference: (N, V), without gradient.
    """
    values: torch.Tensor = PositionKL.apply(logits, reference)  # type: ignore[no-untyped-call]
    return values


def position_jsd(logits: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return the Jensen-Shannon divergence at each position, (N,) float32, nats, 0 to ln 2.

    It is half of KL(reference ‖ m) + KL(model ‖ m), m the mean of the two distributions.

    Args:
        logits: (N, V), the model's; the gradient goes here.
        reference: (N, V), without gradient.
    """
    # Some models forbid tokens by logits of minus infinity, and 0 times infinity is no number.
    own = logits.float().log_softmax(dim=-1).clamp(min=LEAST)
    wanted = reference.float().log_softmax(dim=-1).clamp(min=LEAST)
    middle = torch.logaddexp(own, wanted) - math.log(2)
    own_part = (own.exp() * (own - middle)).sum(dim=-1)
    return ((wanted.exp() * (wanted - middle)).sum(dim=-1) + own_part) / 2


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
            # Models that forbid tokens by minus infinity: as in `position_jsd`.
            own = logits[part].float().log_softmax(dim=-1).clamp_(min=LEAST)
            wanted = reference[part].float().log_softmax(dim=-1).clamp_(min=LEAST)
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
