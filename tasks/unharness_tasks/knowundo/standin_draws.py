"""How KnowUnDo's stand-ins deal questions to their subjects.

Any change in the number or the order of draws changes the data of every stand-in, so that each
one's VERSION has to be raised.
"""

from collections.abc import Mapping, Sequence
from random import Random

from unharness_tasks.draws import shuffled

__all__ = ["Item", "Pair", "split"]

Item = dict[str, str]
Pair = tuple[str, str]  # (question, answer)


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
