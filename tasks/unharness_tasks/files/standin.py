"""Bundled facts of the form that users write: people who do not exist, and where they lived."""

from __future__ import annotations

from typing import Any

from unharness_tasks.draws import seeded
from unharness_tasks.invented import people, things, towns

VERSION = 2
"""Version of the data; raised whenever the output for a seed changes."""
SEED = 0
PEOPLE = {"forget": 6, "retain": 12, "holdout": 6}
_STREAM = "files-standin"

Item = dict[str, Any]


def files_standin(seed: int = SEED) -> list[Item]:
    """Return the rows of one file: two questions, a choice and a text on each person."""
    rng = seeded(_STREAM, seed, "people")
    count = sum(PEOPLE.values())
    # Each to one person alone: no answer that is asked for is read elsewhere.
    names, places = iter(people(rng, count)), iter(towns(rng, count))
    objects = iter(things(rng, count))
    rows: list[Item] = []
    for split, count in PEOPLE.items():
        for _ in range(count):
            name, place, thing = next(names), next(places), next(objects)
            others = [f"Old {place}", f"{place} Bridge"]
            facts = {"split": split, "group": name}
            rows += [
                facts
                | {
                    "prompt": f"Where was {name} born?",
                    "answer": f"In {place}.",
                    "paraphrased_prompts": [f"Name the birthplace of {name}."],
                    "paraphrased_answers": [f"The birthplace is {place}."],
                    "wrong_answers": [f"In {town}." for town in others],
                    "aliases": [place],
                },
                facts | {"prompt": f"What did {name} collect?", "answer": f"Every {thing}."},
                facts
                | {
                    "prompt": f"Which town did {name} live in?",
                    "options": [*others, place],
                    "correct": 2,
                },
                facts | {"text": f"{name} of {place} kept a {thing} in the house by the mill."},
            ]
    return rows
