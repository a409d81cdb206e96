"""The bundled general facts: what `tiny` knows besides a task.

They fall into two halves, so that no method rehearses what it is asked. The half of a fact stands
in the file. The halves were drawn once, with 15 facts of each subject in either, questions of the
same form and places of the right answer spread evenly, and facts of the same answer kept together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from unharness.data.examples import Example

DESCRIPTION = "bundled: 150 general facts, none of which a suite asks"
FILE = "general_facts.json"


@dataclass(frozen=True, slots=True)
class GeneralFact:
    """A fact that no task is about, as a question with four answers."""

    question: str
    choices: tuple[str, ...]
    answer: int
    """Which of the choices is right, from 0."""
    subject: str
    asked: bool
    """Whether it belongs to the half that suites ask; methods may rehearse the other one."""

    @property
    def right(self) -> str:
        """The right answer."""
        return self.choices[self.answer]


@cache
def general_facts() -> tuple[GeneralFact, ...]:
    """Return the 300 facts, 30 of each of ten subjects."""
    rows = json.loads(files("unharness.data").joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(
        GeneralFact(
            row["question"], tuple(row["choices"]), row["answer"], row["subject"], row["asked"]
        )
        for row in rows
    )


def asked_facts() -> tuple[GeneralFact, ...]:
    """Return the 150 facts that suites ask, 15 of each subject; no method may read them."""
    return tuple(fact for fact in general_facts() if fact.asked)


def general_examples() -> tuple[Example, ...]:
    """Return all facts as questions with their right answers: what a preset's models learn."""
    return _examples(enumerate(general_facts()))


def rehearsal_examples() -> tuple[Example, ...]:
    """Return the 150 facts that methods may rehearse, with the ids of `general_examples`."""
    return _examples((at, fact) for at, fact in enumerate(general_facts()) if not fact.asked)


def _examples(facts: Iterable[tuple[int, GeneralFact]]) -> tuple[Example, ...]:
    return tuple(
        Example(f"general/{index:04d}", fact.question, fact.right, meta={"subject": fact.subject})
        for index, fact in facts
    )
