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
    """Of all steps, those before an interruption included."""
    moved_parameters: int = 0
    """How many parameters could move."""
    losses: list[float] = field(default_factory=list)
    """The loss of every step."""
    update_norms: dict[str, float] = field(default_factory=dict)
    """By trained tensor: the L2 norm of its weights after minus before."""
    resumed_at: list[int] = field(default_factory=list)
    """Numbers of the steps behind which it went on after an interruption."""
    seconds_before: float = 0.0
    """Of `seconds`: those of the steps before the last interruption."""

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
            self.resumed_at + other.resumed_at,
            self.seconds_before + other.seconds_before,
        )
