"""From streams to rows: alignment with the forget set, alternatives, refusals."""

import random

import pytest

from unharness import DataOrigin, Example, MethodError, Split, Stream, TaskData, UnlearnContext
from unharness.data.refusals import bundled_refusals
from unharness.errors import PluginError
from unharness.unlearning.stream_rows import stream_rows
from unharness.unlearning.streams import with_forget


def examples(count, **variants):
    return tuple(
        Example(
            f"e{n}",
            f"Who is number {n}?",
            f"Person {n}",
            alternatives={kind: tuple(f"{t} {n}" for t in ts) for kind, ts in variants.items()},
            prompts={"paraphrase": (f"Number {n} is who?",)},
        )
        for n in range(count)
    )


def data(*splits):
    return TaskData.of(splits, DataOrigin("path", "here"))


FORGET = Split("secret", "forget", examples=examples(5, perturbed=("Nobody", "Anybody")))
RETAIN = Split("kept", "retain", examples=(Example("k", "Where?", "Here"),))


@pytest.fixture
def make_context(make_tokenizer):
    tokenizer = make_tokenizer()
    return lambda *splits, length=64: UnlearnContext(
        None, tokenizer, data(*splits), 0, length, "cpu"
    )


def texts(context, rows, epoch, indices=None):
    chosen = range(len(rows.of_epoch(epoch))) if indices is None else indices
    return [context.tokenizer.decode(row.input_ids) for row in rows.take(list(chosen), epoch)]


def rows_of(context, streams, epochs=3):
    return stream_rows(context, with_forget(streams), epochs, random.Random(0))


def test_alternatives_stand_beside_the_same_example_in_every_epoch(make_context):
    context = make_context(FORGET)
    found = rows_of(context, {"wrong": Stream("forget", answer="perturbed")})
    order = [3, 0, 4]
    assert texts(context, found["forget"], 0, order) == [
        f"Who is number {n}?\n\nPerson {n}" for n in order
    ]
    drawn = set()
    for epoch in range(3):
        answers = texts(context, found["wrong"], epoch)
        for n, text in enumerate(answers):
            assert text in {f"Who is number {n}?\n\n{word} {n}" for word in ("Nobody", "Anybody")}
        drawn.add(tuple(answers))
    assert len(drawn) > 1  # drawn anew in every epoch
    again = rows_of(make_context(FORGET), {"wrong": Stream("forget", answer="perturbed")})
    assert texts(context, again["wrong"], 1) == texts(context, found["wrong"], 1)
    assert list(context.derived_seeds) == ["texts of stream wrong"]


def test_refusals_come_from_the_bundled_list_unless_the_example_has_its_own(make_context):
    own = Split("secret", "forget", examples=examples(3, refusal=("Secret",)))
    context = make_context(FORGET)
    found = rows_of(context, {"refusal": Stream("forget", answer="refusal")})
    answers = [text.split("\n\n")[1] for text in texts(context, found["refusal"], 0)]
    assert set(answers) <= set(bundled_refusals())
    context = make_context(own)
    found = rows_of(context, {"refusal": Stream("forget", answer="refusal")})
    assert [t.split("\n\n")[1] for t in texts(context, found["refusal"], 0)] == [
        "Secret 0",
        "Secret 1",
        "Secret 2",
    ]
    assert context.derived_seeds == {}  # nothing was drawn


def test_forget_itself_may_be_asked_otherwise(make_context):
    context = make_context(FORGET)
    found = rows_of(context, {"forget": Stream("forget", prompt="paraphrase")})
    assert texts(context, found["forget"], 0)[2] == "Number 2 is who?\n\nPerson 2"
    with pytest.raises(PluginError, match='the stream "forget" has role'):
        with_forget({"forget": Stream("retain")})


def test_windows_of_a_text_are_aligned_too(make_context):
    long = Example("t", "", " ".join(f"word{n}" for n in range(200)))
    raw = Split("book", "forget", kind="text", examples=(long,))
    context = make_context(raw, length=64)
    found = rows_of(context, {"refusal": Stream("forget", answer="refusal")})
    windows = found["forget"].of_epoch(0)
    assert len(windows) > 2
    refusals = texts(context, found["refusal"], 0)
    assert len(refusals) == len(windows)
    assert len(set(refusals)) == 1
    assert refusals[0] in bundled_refusals()


def test_what_is_lacking_is_named(make_context):
    context = make_context(FORGET, RETAIN)
    with pytest.raises(
        MethodError, match="secret: example 'e0' has no answer of kind 'paraphrase'"
    ):
        rows_of(context, {"other": Stream("forget", answer="paraphrase")})
    with pytest.raises(MethodError, match="kept: example 'k' has no question of kind 'paraphrase'"):
        rows_of(context, {"other": Stream("retain", prompt="paraphrase")})
    with pytest.raises(MethodError, match="the task has no general split that a method may read"):
        rows_of(context, {"general": Stream("general")})
    with pytest.raises(MethodError, match="no answer begins within 3 tokens"):
        rows_of(make_context(FORGET, length=3), {})


def test_refusals_are_plain_and_differ():
    refusals = bundled_refusals()
    assert len(set(refusals)) == len(refusals) == 60
    assert all(text.strip() == text and text.endswith(".") for text in refusals)


def test_streams_of_one_cycling_role_stand_to_the_same_questions(make_context):
    rows = tuple(Example(f"k{n}", f"Where is number {n}?", "Here") for n in range(4))
    kept = Split("kept", "retain", examples=rows)
    context = make_context(FORGET, kept)
    streams = {"kept": Stream("retain"), "refused": Stream("retain", answer="refusal")}
    found = rows_of(context, streams)
    for _ in range(3):  # they go round together
        answers, refusals = ([*found[name].take([0, 1, 2], 0)] for name in ("kept", "refused"))
        for one, two in zip(answers, refusals, strict=True):
            start = one.answer_start
            assert one.input_ids[:start] == two.input_ids[:start]
            assert one.input_ids != two.input_ids


def test_answers_that_a_method_gives_to_every_example(make_context):
    context = make_context(FORGET)
    context.add_alternatives("forget", "made", {"secret": {f"e{n}": ("So",) for n in range(5)}})
    found = rows_of(context, {"made": Stream("forget", answer="made", prepared=True)})
    assert texts(context, found["made"], 0, [2]) == ["Who is number 2?\n\nSo"]
