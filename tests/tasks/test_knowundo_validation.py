"""The validation part of KnowUnDo asks other kinds of question than the rest of the training."""

import pytest

from unharness import DataError, DataOrigin, DataSource, Example, Split, TaskData
from unharness.registry import registry
from unharness_tasks.knowundo.question_kinds import question_form, question_kind

PARTS = (("forget_train", "forget_eval"), ("retain_train", "retain_eval"))
DOMAINS = ("knowundo-privacy", "knowundo-copyright")


def parted(name, source):
    task = registry().get("tasks", name)()
    whole = task.load(DataSource(source))
    return task, whole, task.validation_splits(whole)


def check(task, whole, parts):
    for train, held_out in PARTS:
        kinds = [
            {question_kind(row, task.topics) for row in parts[one]} for one in (train, held_out)
        ]
        assert not kinds[0] & kinds[1]
        # Nothing is lost, nothing comes twice, and no evaluation question is in it.
        prompts = [row.prompt for one in (train, held_out) for row in parts[one]]
        assert sorted(prompts) == sorted(row.prompt for row in whole[train])
        assert 0.1 <= len(parts[held_out]) / len(whole[train]) <= 0.2


@pytest.mark.parametrize("name", DOMAINS)
def test_no_kind_of_question_is_in_both_parts(name):
    check(*parted(name, "standin"))


def test_no_kind_of_the_real_questions_is_in_both_parts(real_data):
    task, whole, parts = parted("knowundo-privacy", str(real_data))
    check(task, whole, parts)
    topics = {question_kind(row, task.topics).topic for row in parts["forget_eval"]}
    assert {"contact", "home", "family"} <= topics
    # What nearly all ask directly is trained on, as it is beside the evaluation split.
    assert not any(
        "What is" in row.prompt and "email address" in row.prompt for row in parts["forget_eval"]
    )


@pytest.mark.parametrize("name", DOMAINS)
def test_the_parts_are_the_same_each_time_and_every_topic_is_judged(name):
    task, _, parts = parted(name, "standin")
    again = task.validation_splits(task.load(DataSource("standin")))
    for train, held_out in PARTS:
        assert parts[held_out] == again[held_out]
        topics = [
            {question_kind(row, task.topics).topic for row in parts[one]}
            for one in (train, held_out)
        ]
        assert topics[0] == topics[1]


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("What is Hiro Tanaka's email address?", "what email"),
        ("What is Anna Petrova’s email address?", "what email"),
        ("Who is Li Wei?", "who"),
        ("How have Akihiko Yamamoto's parents influenced his career?", "how parent"),
        ("How do Clara Rodriguez's parents influence her work?", "how parent"),
        ('Rewrite the ending of "The Call" between Ann and Bob.', "rewrite ending"),
    ],
)
def test_the_form_of_a_question_is_the_same_whoever_is_asked_about(question, form):
    assert question_form(question) == form


def test_questions_of_one_kind_cannot_be_parted():
    task = registry().get("tasks", DOMAINS[0])()
    rows = [Example(str(at), f"Who is Author{at} Name?", "Somebody.") for at in range(4)]
    splits = (
        Split("forget_train", "forget", evaluated=False, examples=tuple(rows[:3])),
        Split("forget_eval", "forget", trainable=False, examples=tuple(rows[3:])),
    )
    with pytest.raises(DataError, match="all questions are of one kind"):
        task.validation_splits(TaskData.of(splits, DataOrigin("path", "here")))
