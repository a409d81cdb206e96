"""Nothing that a built-in method reads is asked: not by a built-in task, not by a bundled suite."""

import re
from functools import cache

import pytest

from unharness.data.general import general_examples
from unharness.data.general_text import BUNDLED, load_general
from unharness.data.named_task import make_task
from unharness.data.sources import DataSource
from unharness.evaluation.suite_plan import plan_suite
from unharness.models.tiny import Tiny
from unharness.registry import registry
from unharness.unlearning.context import readable_splits

NAMES = {
    kind: [name for name in registry().names(kind) if registry().entry(kind, name).plugin.builtin]
    for kind in ("methods", "tasks", "suites")
}


def normalised(text):
    """Return the words of a text in lower case, without punctuation and articles."""
    words = re.sub(r"[^\w\s]", " ", text.casefold()).split()
    return " ".join(word for word in words if word not in {"a", "an", "the"})


def texts(rows):
    """Return all questions and all answers of examples, variants included; texts have no question.

    An instruction has no answer.
    """
    questions, answers = set(), set()
    for row in rows:
        questions |= {row.prompt, *(text for kind in row.prompts.values() for text in kind)}
        answers |= {row.answer, *(text for kind in row.alternatives.values() for text in kind)}
    return (
        {normalised(text) for text in questions if text},
        {normalised(text) for text in answers if text},
    )


@cache
def suite_texts():
    """Return the questions and the right answers of the suites that come with unharness."""
    questions, answers = set(), set()
    for name in NAMES["suites"]:
        if not registry().get("suites", name).offline:
            continue
        plan = plan_suite(name, None, registry())
        for task in plan.tasks:
            asked = plan.manager.load([task.name])["tasks"][task.name]
            for doc in asked.test_docs():
                questions.add(normalised(asked.doc_to_text(doc)))
                answers.add(normalised(doc["right"]))
    return questions, answers


def readable(method, data):
    """Return the splits that a method may read with default hyperparameters, general text too."""
    found = registry().get("methods", method)
    made = found(found.Config())
    streams = {stream.role for stream in made.streams().values()}
    if "general" in streams:
        data = data.joined(load_general(BUNDLED).split)
    return readable_splits(data, made).splits.values()


# The retrained model learns what is to be kept by the target's own recipe, evaluated splits too.
METHODS = [
    name for name in NAMES["methods"] if not registry().get("methods", name).reads_all_splits
]


def test_only_the_retrained_model_reads_all_splits():
    assert set(NAMES["methods"]) - set(METHODS) == {"retrain"}


ROWS_OF_WHAT_IS_READ = {("tofu", "retain_eval")}
"""Evaluated splits that the benchmark takes from a training split."""


TUNED = {"wmdp": "wmdp:tuning_share=0.25"}
"""What has to be said for a task before it can be tuned on."""


@pytest.mark.slow
@pytest.mark.parametrize("part", ["evaluation", "validation"])
@pytest.mark.parametrize("task", NAMES["tasks"])
def test_what_a_method_reads_is_never_asked(task, part, data_folder):
    made = make_task(TUNED.get(task, task) if part == "validation" else task, registry())
    real = task == "knowundo-privacy"
    data = made.load(DataSource(str(data_folder) if real else "standin"))
    if part == "validation":
        data = made.validation_splits(data)
    questions, answers = suite_texts()
    for split in data.evaluated():
        # A split may be declared to be both, as TOFU's forget set is.
        if not split.trainable and (task, split.name) not in ROWS_OF_WHAT_IS_READ:
            more_questions, more_answers = texts(split.examples)
            questions, answers = questions | more_questions, answers | more_answers
    for method in METHODS:
        splits = [split for split in readable(method, data) if not split.evaluated]
        read_questions, read_answers = texts(row for split in splits for row in split.examples)
        assert read_questions & questions == set(), method
        assert read_answers & answers == set(), method


def test_general_text_is_read_by_those_that_rehearse_it_and_asked_by_the_suite():
    """The test above would pass if nothing were compared."""
    questions, _ = suite_texts()
    assert len(questions) == 150
    rehearsed = load_general(BUNDLED).examples
    assert len(rehearsed) == 150
    assert {normalised(row.prompt) for row in general_examples()} == questions | {
        normalised(row.prompt) for row in rehearsed
    }


def test_a_model_made_from_nothing_learns_both_halves():
    """Else the asked half would be unknown to the target: nothing could be lost."""
    questions, _ = suite_texts()
    learned, _ = texts(Tiny().knowledge())
    rehearsed, _ = texts(load_general(BUNDLED).examples)
    assert questions | rehearsed == learned
