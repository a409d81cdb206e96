"""Draws for stand-ins, the same on every machine and Python version.

Any change in the number or the order of draws changes the data of every stand-in, so that each
one's VERSION has to be raised.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

__all__ = ["between", "deal", "pick", "seeded", "shuffled"]

_T = TypeVar("_T")


# `Random.random` alone keeps its sequence across Python versions; `choice` and `shuffle` may not.
def seeded(standin: str, seed: int, purpose: str) -> Random:
    """A source of chance of its own for each stand-in, seed and purpose."""
    # A text seed tells -1 from 1, which an integer seed does not, and does not use hash().
    return Random(f"{standin}:{seed}:{purpose}")


def pick(rng: Random, options: Sequence[_T]) -> _T:
    """One of the options."""
    return options[int(rng.random() * len(options))]


def between(rng: Random, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(rng.random() * (high - low + 1))


def shuffled(rng: Random, options: Sequence[_T]) -> list[_T]:
    """The options in a drawn order."""
    rest = list(options)
    for i in range(len(rest) - 1, 0, -1):
        j = between(rng, 0, i)
        rest[i], rest[j] = rest[j], rest[i]
    return rest


def deal(rng: Random, options: Sequence[_T], count: int) -> list[_T]:
    """`count` options, each used as often as any other to within one."""
    dealt: list[_T] = []
    while len(dealt) < count:
        dealt += shuffled(rng, options)
    return dealt[:count]
