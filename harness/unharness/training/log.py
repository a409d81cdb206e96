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

    def followed_by(self, other: TrainingLog) -> TrainingLog:
        """Return what this training and then another one did."""
        return TrainingLog(
            self.steps + other.steps,
            self.examples + other.examples,
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            max(self.moved_parameters, other.moved_parameters),
            self.losses + other.losses,
            self.update_norms | other.update_norms,
        )
