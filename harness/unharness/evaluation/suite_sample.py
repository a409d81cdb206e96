"""Which questions of a suite are asked, where not all of them are: a fixed sample.

The choice depends on the names of the tasks, their sizes and a constant alone: every model and
every run is asked the same questions, and a smaller sample is part of a larger one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

SEED = 1234


def chosen_questions(
    sizes: Mapping[str, int], limit: int | None, *, by_size: bool = True
) -> dict[str, list[int]]:
    """Return the questions that are asked of a task, or of all members of a group together.

    Args:
        sizes: by task: its number of questions.
        limit: how many are asked in all; None for all.
        by_size: whether every question of a group counts alike. A member's share is then that of
            its questions, rounded up or down as the seed has it; else all members share alike.

    Returns:
        By task that is asked anything: the indices of its questions, in ascending order.
    """
    if limit is None or limit >= sum(sizes.values()):
        return {task: list(range(size)) for task, size in sizes.items() if size}
    places = []
    for task, size in sizes.items():
        start = _fraction(task)
        order = sorted(range(size), key=lambda index: _fraction(f"{task}/{index}"))
        spread = size if by_size else 1
        places += [((rank + start) / spread, task, index) for rank, index in enumerate(order)]
    chosen: dict[str, list[int]] = {}
    for _, task, index in sorted(places)[:limit]:
        chosen.setdefault(task, []).append(index)
    return {task: sorted(chosen[task]) for task in sizes if task in chosen}


def _fraction(text: str) -> float:
    """Return a number from 0 to 1, excluded, that a text always gives."""
    digest = hashlib.sha256(f"{SEED}/{text}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
