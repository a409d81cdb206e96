"""Where a training is looked at on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unharness.training.log import TrainingLog


@dataclass(frozen=True)
class Checkpoints:
    """Points of a training at which its weights are kept, the last step included."""

    count: int
    """How many; fewer where the training has fewer steps."""
    keep: Callable[[TrainingLog], None]
    """Called at each point, when the step is over, with what the training did up to there. The
    model that is trained has the weights of a training that stops after this step."""


def checkpoint_steps(total: int, count: int) -> tuple[int, ...]:
    """Return the numbers of `count` evenly spaced steps, from 1; the last is `total`.

    Where a training has fewer steps than that, all of them.
    """
    return tuple(sorted({-(-total * at // count) for at in range(1, count + 1)}))
