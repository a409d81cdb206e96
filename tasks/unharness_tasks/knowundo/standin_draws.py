"""Draws and dealing shared by KnowUnDo's stand-ins, the same on every machine and Python version.

Any change in the number or the order of draws changes the data of every stand-in, so that each
one's VERSION has to be raised.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

__all__ = ["Item", "Pair", "between", "deal", "pick", "seeded", "shuffled", "split"]

Item = dict[str, str]
Pair = tuple[str, str]  # (question, answer)

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


def split(
    rng: Random,
    subject_key: str,
    fields: Mapping[str, Mapping[str, str]],
    phrasings: Mapping[str, Sequence[Pair]],
    train_size: int,
    eval_size: int,
) -> tuple[list[Item], list[Item]]:
    """Deal phrasings to (subject, kind) pairs: first train in rounds, then unseen ones to eval.

    Args:
        subject_key: the item's key for its subject, such as "author".
        fields: each subject's template fields; the order of the subjects counts.
        phrasings: each kind's (question, answer) templates.
    """
    kinds = list(phrasings)
    # The kind moves on with the subject, so that a round cut short is still even over both.
    pairs = [
        (subject, kinds[(i + step) % len(kinds)])
        for step in range(len(kinds))
        for i, subject in enumerate(fields)
    ]
    decks: list[list[int]] = []
    waiting: dict[str, list[list[int]]] = {kind: [] for kind in kinds}
    for _, kind in pairs:
        if not waiting[kind]:
            # All rotations of one order: each phrasing then comes up equally often in each round.
            order = shuffled(rng, range(len(phrasings[kind])))
            waiting[kind] = [order[n:] + order[:n] for n in range(len(order))]
        decks.append(waiting[kind].pop())

    def item(turn: int, deck_position: int) -> Item:
        subject, kind = pairs[turn]
        phrasing = decks[turn][deck_position]
        question, answer = phrasings[kind][phrasing]
        return {
            "prompt": question.format_map(fields[subject]),
            "answer": answer.format_map(fields[subject]),
            subject_key: subject,
            "kind": kind,
            "phrasing": str(phrasing),
        }

    train = [item(n % len(pairs), n // len(pairs)) for n in range(train_size)]
    # Eval starts over at the first pairs: they had the extra train round, so that it asks for the
    # best-taught facts. A pair's phrasings go on where its train phrasings ended.
    evaluation: list[Item] = []
    for n in range(eval_size):
        turn = n % len(pairs)
        taught = len(range(turn, train_size, len(pairs)))
        evaluation.append(item(turn, taught + n // len(pairs)))
    # Shuffled, so that the head of a list is a fair sample of it.
    return shuffled(rng, train), shuffled(rng, evaluation)
