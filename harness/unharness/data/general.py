"""The bundled general facts: what `tiny` knows besides a task, and what a suite asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from unharness.data.examples import Example

DESCRIPTION = "bundled: 300 general facts"
FILE = "general_facts.json"


@dataclass(frozen=True, slots=True)
class GeneralFact:
    """A fact that no task is about, as a question with four answers."""

    question: str
    choices: tuple[str, ...]
    answer: int
    """Which of the choices is right, from 0."""
    subject: str

    @property
    def right(self) -> str:
        """The right answer."""
        return self.choices[self.answer]


@cache
def general_facts() -> tuple[GeneralFact, ...]:
    """Return the 300 facts, 30 of each of ten subjects."""
    rows = json.loads(files("unharness.data").joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(
        GeneralFact(row["question"], tuple(row["choices"]), row["answer"], row["subject"])
        for row in rows
    )


def general_examples() -> tuple[Example, ...]:
    """Return the facts as questions with their right answers."""
    return tuple(
        Example(f"general/{index:04d}", fact.question, fact.right, meta={"subject": fact.subject})
        for index, fact in enumerate(general_facts())
    )
