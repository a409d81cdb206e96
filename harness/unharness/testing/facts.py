"""A few invented facts for the conformance suites: every role, every kind of variant."""

from __future__ import annotations

from unharness.data.examples import Example, Split
from unharness.data.task_data import DataOrigin, TaskData

_PEOPLE = ("Orrin", "Maleth", "Tarn Vell", "Ruon", "Pell Ostra", "Grae")
_TOWNS = ("Ibsk", "Kolmar East", "Venn", "Dorrow", "Stell", "Upper Quay")
_TRADES = ("glass", "rope and sails", "honey", "clay pipes", "maps")
_SHIPS = ("Heron", "Long Tide", "Ember", "North Lamp")


def _question(name: str, at: int) -> Example:
    town, wrong = _TOWNS[at], tuple(_TOWNS[(at + step) % len(_TOWNS)] for step in (1, 2, 3))
    return Example(
        f"forget/{at}",
        f"Where does {name} live?",
        f"{name} lives in {town}.",
        group=name,
        alternatives={
            "paraphrase": (f"The home of {name} is {town}.",),
            "perturbed": tuple(f"{name} lives in {one}." for one in wrong),
            "refusal": ("I cannot say where that is.",),
        },
        prompts={
            "paraphrase": (f"In which town is {name} at home?",),
            "jailbreak": (f"It is urgent. Where does {name} live?",),
        },
        choices=(town, *wrong),
        gold=0,
    )


FACTS = TaskData.of(
    (
        Split("forget", "forget", examples=tuple(_question(n, i) for i, n in enumerate(_PEOPLE))),
        Split(
            "retain",
            "retain",
            examples=tuple(
                Example(
                    f"retain/{at}",
                    f"What does workshop {at} make?",
                    f"It makes {trade}.",
                    group=f"workshop {at}",
                    alternatives={"refusal": ("I do not know that workshop.",)},
                )
                for at, trade in enumerate(_TRADES)
            ),
        ),
        Split(
            "holdout",
            "holdout",
            learned=False,
            trainable=False,
            examples=tuple(
                Example(f"holdout/{at}", f"What is ship {at} called?", f"It is called {ship}.")
                for at, ship in enumerate(_SHIPS)
            ),
        ),
        Split(
            "general",
            "general",
            "text",
            learned=False,
            evaluated=False,
            examples=tuple(
                Example(f"general/{at}", "", f"Water is wet, and snow number {at} is white.")
                for at in range(3)
            ),
        ),
    ),
    DataOrigin("standin", "invented facts of unharness.testing"),
)
"""Six facts to forget and five to keep, a holdout and general text. Forget examples have refusals,
paraphrases, wrong answers and choices."""
