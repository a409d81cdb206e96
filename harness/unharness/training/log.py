"""What a training did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class TrainingLog:
    """What a training did."""

    steps: int = 0
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    moved_parameters: int = 0
    """How many parameters could move."""
    losses: list[float] = field(default_factory=list)
    """The loss of every step."""
    update_norms: dict[str, float] = field(default_factory=dict)
    """By trained tensor: the L2 norm of its weights after minus before."""
