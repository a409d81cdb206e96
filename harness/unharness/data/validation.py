"""A validation part of the training halves, for whoever chooses settings."""

from __future__ import annotations

import random
from dataclasses import replace

from unharness.data.examples import Example, TaskData
from unharness.errors import DataError

SHARE = 0.2
SEED = 0


def validation_part(data: TaskData, share: float = SHARE, seed: int = SEED) -> TaskData:
    """Return the training halves, a share of each moved to the evaluation halves' place.

    The evaluation halves themselves are left out altogether: neither a target model nor a method
    nor a judgement sees them.

    Args:
        data: the task's.
        share: of the training halves, 0 to 1; at least one example of each.
        seed: of the draw.

    Raises:
        DataError: a training half has fewer than two examples.
    """
    order = random.Random(seed)
    splits: dict[str, tuple[Example, ...]] = dict(data.splits)
    for scope in ("forget", "retain"):
        rows = list(data.splits[f"{scope}_train"])
        if len(rows) < 2:
            raise DataError(f"{scope}_train: one example cannot be split; tuning needs two or more")
        order.shuffle(rows)
        cut = max(1, int(len(rows) * share))
        splits[f"{scope}_eval"], splits[f"{scope}_train"] = tuple(rows[:cut]), tuple(rows[cut:])
    description = f"{data.origin.description}; a fifth of the training halves for validation"
    return TaskData(splits, replace(data.origin, description=description))
