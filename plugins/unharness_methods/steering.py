"""Distances between hidden states and where they are to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def steering_vector(width: int, generator: torch.Generator) -> Tensor:
    """Return a unit vector of non-negative entries, (H,) float32: uniform in [0, 1), normalised.

    arXiv 2403.03218, section 4: all entries have one sign, and the authors' code keeps it so.
    """
    import torch

    drawn = torch.rand(width, generator=generator)
    vector: Tensor = drawn / drawn.norm()
    return vector


def squared_distance(
    states: Tensor, wanted: Tensor, mask: Tensor, *, padded: bool = False
) -> Tensor:
    """Return the mean squared difference per element, a scalar.

    It is averaged over each example's positions, then over examples.

    Args:
        states: (B, T, H), any float type; computed on in float32.
        wanted: broadcast to them.
        mask: (B, T), 1 where a position counts.
        padded: one mean over all B x T positions in its place, padding included.
    """
    squares = (states.float() - wanted.float()).square().mean(dim=-1)
    if padded:
        return squares.mean()
    counts = mask.sum(dim=1).clamp(min=1)
    return ((squares * mask).sum(dim=1) / counts).mean()


def mean_norms(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean length of each example's hidden states, (B,) float32.

    Args:
        states: (B, T, H).
        mask: (B, T), 1 where a position counts.
    """
    norms = states.float().norm(dim=-1) * mask
    means: Tensor = norms.sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return means
