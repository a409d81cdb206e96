"""A task of MUSE's shape: raw text longer than the maximum length, and questions about it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import ClassVar

from unharness import (
    DataOrigin,
    DataSource,
    Example,
    FineTuneConfig,
    Generation,
    MetricUse,
    Split,
    Task,
    TaskData,
    hookimpl,
)

SUBJECTS = ("The council", "A miller", "Nobody", "The baker of Orrin", "Her brother", "The choir")
VERBS = ("closed", "painted", "forgot", "sold", "repaired", "crossed")
OBJECTS = ("the old bridge", "a red door", "seven lamps", "the north gate", "his only boat")
SENTENCES = 28


def text(name: str, number: int) -> str:
    """Return sentences that are drawn for this text alone, some 300 tokens of `micro`."""
    draw = random.Random(f"{name} {number}")
    return " ".join(
        f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(OBJECTS)} on day {day}."
        for day in range(SENTENCES)
    )


class Articles(Task):
    """Texts to forget, verbatim and in what they say."""

    name = "probe-text"
    summary = "Raw text in windows, continuations, and questions about it."
    headline = "known"
    metrics = (
        MetricUse("token_accuracy", "forget", label="memorised", direction="lower"),
        MetricUse("token_accuracy", "retain", label="known"),
        MetricUse("token_accuracy", "holdout"),
        MetricUse("rouge_l"),
    )
    recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=25, lr=3e-3, batch_size=4, warmup_ratio=0.15
    )

    def load(self, source: DataSource) -> TaskData:
        unseen = {"learned": False, "trainable": False}
        return TaskData.of(
            [
                Split("forget", "forget", "text", examples=tuple(texts("forget"))),
                Split("retain", "retain", "text", examples=tuple(texts("retain"))),
                Split("holdout", "holdout", "text", **unseen, examples=tuple(texts("holdout"))),
                Split(
                    "verbatim",
                    "forget",
                    "completion",
                    **unseen,
                    examples=tuple(continuations("forget")),
                    generation=Generation(max_new_tokens=24),
                ),
                Split(
                    "questions",
                    "retain",
                    "qa",
                    **unseen,
                    examples=tuple(questions("retain")),
                    generation=Generation(max_new_tokens=8, stops=("\n\n", "Question:")),
                ),
            ],
            DataOrigin("standin", "invented articles"),
        )

    def target_recipe(self, model: str) -> FineTuneConfig:
        return self.recipe


def texts(name: str) -> Iterator[Example]:
    """Yield raw texts: no prompt."""
    for number in range(2):
        yield Example(f"{name}/{number}", "", text(name, number), group=f"{name} {number}")


def continuations(name: str) -> Iterator[Example]:
    """Yield how texts begin, and how they go on."""
    for row in texts(name):
        words = row.answer.split(" ")
        yield Example(f"start/{row.id}", " ".join(words[:20]), " " + " ".join(words[20:40]))


def questions(name: str) -> Iterator[Example]:
    """Yield questions about texts."""
    for row in texts(name):
        first = row.answer.split(".")[0]
        yield Example(f"question/{row.id}", f"Question: what did {row.id} say first?", first)


@hookimpl
def unharness_tasks() -> list[type[Task]]:
    """Register the task."""
    return [Articles]
