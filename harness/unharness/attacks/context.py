"""What an attack is given."""

from __future__ import annotations

from dataclasses import dataclass

from unharness.models.inference import InferenceWrapper
from unharness.unlearning.context import UnlearnContext


@dataclass
class AttackContext(UnlearnContext):
    """What an attack works on: an unlearned model, and the same means that a method has.

    `model` is the unlearned model, `splits` holds the splits of the roles that the attack reads,
    and `seed` is the run's. `context.fine_tune(context.state(), splits, recipe)` trains on from
    the unlearned weights.
    """

    wrapper: InferenceWrapper | None = None
    """What the method, and the attacks before this one, put around the model."""
