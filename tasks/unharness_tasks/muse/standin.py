"""A bundled stand-in for MUSE (arXiv 2407.06460): invented articles and tales.

It has MUSE's configurations and fields, a dozen short texts a set where MUSE News has 889 and more,
and longer ones for books. Names and places are made from a seed, without network; no sentence is
MUSE's, a newspaper's or a novel's. Scores on it are not comparable with scores on MUSE.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from unharness_tasks.draws import between, pick, seeded
from unharness_tasks.invented import people, things, towns

VERSION = 1
"""Version of the data; raised whenever the output for a seed changes."""
SEED = 0
TEXTS = {"news": 12, "books": 4}
"""In the raw sets; and how many of a text's parts a book joins."""
PARTS = {"news": 1, "books": 6}
FOLD, FOLDS = 4, 4
SHOWN = 10
_STREAM = "muse-standin"

Item = dict[str, Any]


class _Tale(NamedTuple):
    sentences: tuple[str, ...]
    question: str
    answer: str

    @property
    def text(self) -> str:
        """The whole text."""
        return " ".join(self.sentences)


def muse_standin(corpus: str, fold: str, seed: int = SEED) -> dict[str, list[Item]]:
    """Return the rows of every part of a corpus, in the shape of MUSE's files.

    Args:
        corpus: `news` or `books`; books are longer texts.
        fold: `scal`: forget sets that grow; `sust`: ones after another; empty: the raw one.
        seed: other names and facts for another seed.
    """
    rng = seeded(f"{_STREAM}-{corpus}", seed, "texts")
    count, parts = TEXTS[corpus], PARTS[corpus]
    sets = {
        name: _tales(rng, count * parts)
        for name in ("forget", "retain", "retain_unread", "holdout")
    }
    shown = _tales(rng, 2 * SHOWN)
    found = {
        "retain": _texts(sets["retain"], parts),
        "retain_unread": _texts(sets["retain_unread"], parts),
        # As in MUSE, questions are written from the texts that are kept unread.
        "retain_knowmem": _pairs(sets["retain_unread"]),
        "retain_shown": _pairs(shown[:SHOWN]),
        "holdout_privleak": _pieces(sets["holdout"]),
    }
    if not fold:
        return found | {
            "forget": _texts(sets["forget"], parts),
            "forget_knowmem": _pairs(sets["forget"]),
            "forget_shown": _pairs(shown[SHOWN:]),
            "forget_verbmem": [
                {"prompt": " ".join(tale.sentences[:2]), "gt": f" {tale.sentences[2]}"}
                for tale in sets["forget"]
            ],
            "forget_privleak": _pieces(sets["forget"]),
        }
    requests = [_texts(_tales(rng, FOLD), 1) for _ in range(FOLDS)]
    for at in range(FOLDS):
        first = 0 if fold == "scal" else at
        rows = [row for request in requests[first : at + 1] for row in request]
        found[f"fold{at + 1}"] = rows
    return found


def _tales(rng: Random, count: int) -> list[_Tale]:
    names, places, objects = people(rng, count), towns(rng, 32), things(rng, 64)
    found = []
    for name in names:
        place, thing, year = pick(rng, places), pick(rng, objects), between(rng, 1900, 1999)
        found.append(
            _Tale(
                (
                    f"In {year} {name} opened the {thing} of {place} to visitors.",
                    f"The council of {place} had closed it for {between(rng, 2, 30)} years.",
                    f"{name} said that the {thing} would stay open in winter as well.",
                ),
                f"Who opened the {thing} of {place} in {year}?",
                name,
            )
        )
    return found


def _texts(tales: Sequence[_Tale], parts: int) -> list[Item]:
    """Return texts, each of so many tales."""
    return [
        {"text": "\n\n".join(tale.text for tale in tales[at : at + parts])}
        for at in range(0, len(tales), parts)
    ]


def _pieces(tales: Sequence[_Tale]) -> list[Item]:
    return [{"text": " ".join(tale.sentences[:2])} for tale in tales]


def _pairs(tales: Sequence[_Tale]) -> list[Item]:
    return [{"question": tale.question, "answer": tale.answer} for tale in tales]
