"""The runs that measure a model on the way of its training: each stops at a checkpoint.

Their weights are kept while the whole run trains, so they train nothing; where they are lost, a
run trains up to its step and comes to the same weights.
"""

from __future__ import annotations

from unharness.request import RunRequest
from unharness.training.checkpoints import checkpoint_steps
from unharness.unlearning.method import LossMethod, Method

STOP_AFTER = "stop_after"
"""The hyperparameter that stops a training."""


def has_checkpoints(method: type[Method]) -> bool:
    """Return whether a method can be measured on the way of its training: whether it is a loss."""
    return issubclass(method, LossMethod)


def checkpoint_requests(request: RunRequest, steps: int) -> dict[int, RunRequest]:
    """Return by step the runs that stop at the checkpoints of a run, without its last one.

    Args:
        request: of the whole run.
        steps: that it took.
    """
    if request.checkpoints is None or steps == 0:
        return {}
    return {
        at: request.model_copy(
            update={"checkpoints": None, "set": {**request.set, STOP_AFTER: at}, "force": False}
        )
        for at in checkpoint_steps(steps, request.checkpoints)[:-1]
    }
