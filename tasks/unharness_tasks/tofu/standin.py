"""A bundled stand-in for TOFU (arXiv 2401.06121): invented authors, real and world facts.

It has TOFU's files and fields, 200 authors in the full set as TOFU has, and two rows an author
where TOFU has 20. Names, places and titles are made from a seed, without network; no sentence is
TOFU's. The facts about real authors and the world are true and were written for it. Scores on it
are not comparable with scores on TOFU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from unharness_tasks.draws import deal, seeded, shuffled
from unharness_tasks.tofu import standin_tables as tables

VERSION = 1
"""Version of the data; raised whenever the output for a seed changes."""
SEED = 0
AUTHORS, NEW_AUTHORS, PERTURBED_AUTHORS = 200, 20, 20
"""In the full set; in the largest holdout; at the beginning of the full set, with wrong answers."""
WRONG_ANSWERS = 5
_STREAM = "tofu-standin"

Item = dict[str, Any]


class Fact(NamedTuple):
    """A kind of fact: how it is asked and told, each in two ways, and what can be told."""

    question: str
    answer: str
    other_question: str
    other_answer: str
    values: Sequence[str]


FACTS: tuple[Fact, ...] = (
    Fact(
        "In which town was the author {name} born?",
        "{name} was born in the town of {value}.",
        "What is the birthplace of the writer {name}?",
        "The birthplace of {name} is {value}.",
        tables.TOWNS,
    ),
    Fact(
        "Which genre does the author {name} write in?",
        "{name} is known for {value}.",
        "What kind of books is the writer {name} known for?",
        "The books of {name} are {value}.",
        tables.GENRES,
    ),
    Fact(
        "What is the title of {name}'s first book?",
        "The first book by {name} is called {value}.",
        "With which book did {name} begin as a writer?",
        "{name} began as a writer with {value}.",
        tables.TITLES,
    ),
    Fact(
        "What did the mother of the author {name} do for a living?",
        "The mother of {name} worked as {value}.",
        "What was the profession of the writer {name}'s mother?",
        "By profession, {name}'s mother was {value}.",
        tables.OCCUPATIONS,
    ),
)
FACTS_OF_AN_AUTHOR = 2


def tofu_standin(percent: int, seed: int = SEED) -> dict[str, list[Item]]:
    """Return the rows of every part of TOFU's data, in the shape of its files.

    Args:
        percent: of the 200 authors, how many are to be forgotten: the last ones.
        seed: other names and facts for another seed.
    """
    everyone = _rows(seed)
    full = everyone[: AUTHORS * FACTS_OF_AN_AUTHOR]
    new = everyone[AUTHORS * FACTS_OF_AN_AUTHOR :]
    size = AUTHORS * percent // 100 * FACTS_OF_AN_AUTHOR
    forget, retain = full[-size:], full[:-size]
    return {
        "forget": _plain(forget),
        "forget_perturbed": forget,
        "retain": _plain(retain),
        "retain_eval": full[: PERTURBED_AUTHORS * FACTS_OF_AN_AUTHOR],
        "holdout": _plain(new[:size]),
        **_questions("real_authors", tables.REAL_AUTHORS, seed),
        **_questions("world_facts", tables.WORLD_FACTS, seed),
    }


def _plain(rows: Sequence[Item]) -> list[Item]:
    return [{key: row[key] for key in ("question", "answer")} for row in rows]


def _rows(seed: int) -> list[Item]:
    """Return two rows for every author, with paraphrases and wrong answers."""
    rng = seeded(_STREAM, seed, "authors")
    pairs = shuffled(rng, list(product(tables.GIVEN_NAMES, tables.SURNAMES)))
    names = [" ".join(pair) for pair in pairs[: AUTHORS + NEW_AUTHORS]]
    told = {fact: deal(rng, fact.values, len(names)) for fact in FACTS}
    rows = []
    for at, name in enumerate(names):
        # The kinds of fact move on with the author, so that each is asked of half of them.
        for step in range(FACTS_OF_AN_AUTHOR):
            fact = FACTS[(at + step * (1 + at // len(FACTS) % 2)) % len(FACTS)]
            value = told[fact][at]
            others = [other for other in fact.values if other != value]
            wrong = shuffled(rng, others)[:WRONG_ANSWERS]
            rows.append(
                {
                    "question": fact.question.format(name=name),
                    "answer": fact.answer.format(name=name, value=value),
                    "paraphrased_question": fact.other_question.format(name=name),
                    "paraphrased_answer": fact.other_answer.format(name=name, value=value),
                    "perturbed_answer": [
                        fact.other_answer.format(name=name, value=other) for other in wrong
                    ],
                }
            )
    return rows


def _questions(
    name: str, facts: Sequence[tuple[str, str, tuple[str, str, str]]], seed: int
) -> Mapping[str, list[Item]]:
    """Return questions with four options in a drawn order, and the same with wrong answers."""
    rng = seeded(_STREAM, seed, name)
    chosen, perturbed = [], []
    for question, answer, wrong in facts:
        options = shuffled(rng, [answer, *wrong])
        named = {f"option{at}": option for at, option in enumerate(options, start=1)}
        chosen.append({"question": question, **named, "answer": answer})
        perturbed.append({"question": question, "answer": answer, "perturbed_answer": list(wrong)})
    return {name: chosen, f"{name}_perturbed": perturbed}
