"""A validation part of the splits that methods may read, to choose hyperparameters on."""

from __future__ import annotations

import random
from dataclasses import replace

from unharness.data.examples import Example, Split
from unharness.data.task_data import TaskData
from unharness.errors import DataError

SHARE = 0.2
SEED = 0


def validation_splits(data: TaskData, share: float = SHARE, seed: int = SEED) -> TaskData:
    """Return the data with a share of the trainable examples in place of the evaluated ones.

    An evaluated split that methods may not read is left out: neither a target model, nor a
    method, nor a judgement sees its examples. In its place, and under its name, come examples
    held out from the trainable splits of its role. A split that is both trained on and evaluated
    stays as it is, and one of a role without trainable splits as well.

    Args:
        data: the task's.
        share: of each role's trainable examples, 0 to 1; at least one group of each.
        seed: of the draw. Examples of one group stay together.

    Raises:
        DataError: a role has fewer than two groups that could be parted.
    """
    order = random.Random(seed)
    splits = dict(data.splits)
    for role in ("forget", "retain"):
        unseen = [split for split in data.evaluated(role) if not split.trainable]
        sources = [split for split in data.trainable(role) if not split.evaluated]
        if not unseen or not sources:
            continue
        held_out = _held_out(sources, share, order)
        for split in sources:
            kept = [row for row in split.examples if (split.name, row.id) not in held_out]
            splits[split.name] = split.with_examples(kept)
        rows = list(held_out.values())
        for index, split in enumerate(unseen):
            own = rows[index :: len(unseen)]
            splits[split.name] = split.with_examples(own or rows[:1])
    description = f"{data.origin.description}; {share:.0%} of the training examples for validation"
    return TaskData(splits, replace(data.origin, description=description))


def _held_out(
    sources: list[Split], share: float, order: random.Random
) -> dict[tuple[str, str], Example]:
    """Return the examples that are held out, by split and id."""
    groups: dict[str, list[tuple[str, Example]]] = {}
    for split in sources:
        for row in split.examples:
            key = row.group or f"{split.name} {row.id}"
            groups.setdefault(key, []).append((split.name, row))
    if len(groups) < 2:
        names = ", ".join(split.name for split in sources)
        raise DataError(f"{names}: one example cannot be split; tuning needs two or more")
    keys = list(groups)
    order.shuffle(keys)
    chosen = keys[: max(1, int(len(keys) * share))]
    return {(split, row.id): row for name in chosen for split, row in groups[name]}
