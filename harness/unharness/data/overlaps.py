"""What of a task's data repeats or leaks: within a set, and from what is forgotten to what is kept.

Likeness is of letters alone. A fact in other words is not found.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from unharness.data.examples import Example, Role, Split

NEAR = 0.8
"""From this share of common letter sequences on, two examples count as nearly the same."""
SEQUENCE = 4
"""Letters of a sequence."""
LEAST_ANSWER = 8
"""In letters: shorter answers, such as a year, stand in other texts by chance."""
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Placed:
    """An example and the split that it is in."""

    split: str
    role: Role
    example: Example

    @property
    def text(self) -> str:
        """Question and answer, without marks and case."""
        return plain_text(f"{self.example.prompt} {self.example.answer}")


@dataclass(frozen=True)
class Pair:
    """Two examples that have something in common."""

    one: Placed
    other: Placed
    likeness: float = 1.0
    """Share of the letter sequences that both have, 0 to 1."""


def placed(splits: Iterable[Split], *roles: Role) -> list[Placed]:
    """Return the examples of the splits of some roles; of all for none."""
    return [
        Placed(split.name, split.role, example)
        for split in splits
        if not roles or split.role in roles
        for example in split.examples
    ]


def plain_text(text: str) -> str:
    """Return a text in small letters, each run of marks and white space as one space."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def repeats(rows: Sequence[Placed]) -> Iterator[Pair]:
    """Yield every example whose question and answer stood before, apart from case and marks."""
    seen: dict[tuple[str, str], Placed] = {}
    for row in rows:
        key = (plain_text(row.example.prompt), plain_text(row.example.answer))
        if key in seen:
            yield Pair(seen[key], row)
        seen.setdefault(key, row)


def contradictions(rows: Sequence[Placed]) -> Iterator[Pair]:
    """Yield every question that was asked before with another answer."""
    seen: dict[str, Placed] = {}
    for row in rows:
        key = plain_text(row.example.prompt)
        if not key:
            continue
        first = seen.setdefault(key, row)
        if plain_text(first.example.answer) != plain_text(row.example.answer):
            yield Pair(first, row)


def near_pairs(
    first: Sequence[Placed], second: Sequence[Placed], least: float = NEAR
) -> Iterator[Pair]:
    """Yield pairs of nearly the same text, one of each; the same text is left out.

    Args:
        first: examples.
        second: others.
        least: of the Jaccard index of their letter sequences, above 0 and at most 1.
    """
    sets = [_sequences(row.text) for row in (*first, *second)]
    counts = Counter(part for one in sets for part in one)
    # Two sets this alike share one of the rarest sequences of each: only those are looked up.
    rare = [
        sorted(one, key=lambda part: (counts[part], part))[: len(one) - ceil(least * len(one)) + 1]
        for one in sets
    ]
    found: dict[str, list[int]] = {}
    for index in range(len(first), len(sets)):
        for part in rare[index]:
            found.setdefault(part, []).append(index)
    for index, row in enumerate(first):
        others = sorted({at for part in rare[index] for at in found.get(part, ())})
        for at in others:
            other = second[at - len(first)]
            common = len(sets[index] & sets[at])
            likeness = common / (len(sets[index]) + len(sets[at]) - common)
            if likeness >= least and row.text != other.text:
                yield Pair(row, other, likeness)


def answers_within(asked: Sequence[Placed], texts: Sequence[Placed]) -> Iterator[Pair]:
    """Yield every example whose answer stands whole in the text of another, with the first such."""
    bodies = [f" {row.text} " for row in texts]
    starts = list(accumulate(map(len, bodies), initial=0))
    whole = "".join(bodies)
    for row in asked:
        answer = plain_text(row.example.answer)
        if len(answer) < LEAST_ANSWER:
            continue
        at = whole.find(f" {answer} ")
        if at >= 0:
            yield Pair(row, texts[bisect_right(starts, at) - 1])


def shared_groups(first: Iterable[Placed], second: Iterable[Placed]) -> list[str]:
    """Return the groups that both have, sorted."""
    ours, theirs = ({row.example.group for row in rows} for rows in (first, second))
    return sorted((ours & theirs) - {""})


def _sequences(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[at : at + SEQUENCE] for at in range(max(1, len(padded) - SEQUENCE + 1)))
