"""Repeats and leaks in examples, found by their letters."""

import random

import pytest

from unharness.data.examples import Example, Split
from unharness.data.overlaps import (
    answers_within,
    contradictions,
    near_pairs,
    placed,
    plain_text,
    repeats,
    shared_groups,
)


def rows(*texts, role="forget", group=""):
    examples = [Example(f"{role}/{n}", *pair, group) for n, pair in enumerate(texts)]
    return placed([Split(role, role, examples=tuple(examples))])


def ids(pairs):
    return [(pair.one.example.id, pair.other.example.id) for pair in pairs]


def test_repeats_are_found_whatever_their_case_and_marks():
    found = rows(("Who?", "Nils Ferrow."), ("who", "nils  FERROW"), ("Who?", "Ada"))
    assert ids(repeats(found)) == [("forget/0", "forget/1")]
    assert ids(contradictions(found)) == [("forget/0", "forget/2")]
    assert plain_text("Ｗｈｏ—is_it?") == "who is it"
    assert list(contradictions(rows(("", "One text"), ("", "Another")))) == []


def test_near_pairs_have_most_letters_in_common():
    forget = rows(
        ("Where was Nils Ferrow, the painter of boats, born?", "In the town of Orrin."),
        ("東京で生まれた画家は誰ですか?", "田中太郎という人です。"),
    )
    retain = rows(
        ("Where was Nils Ferrow, a painter of boats, born?", "In the town of Orrin."),
        ("Where was Ada Brandt, the painter of boats, born?", "In the town of Tarn."),
        ("Where was Nils Ferrow, the painter of boats, born?", "In the town of Orrin!"),
        ("東京で生まれた画家は誰ですか。", "田中太郎という人だ。"),
        role="retain",
    )
    [first, second] = near_pairs(forget, retain)
    assert ids([first, second]) == [("forget/0", "retain/0"), ("forget/1", "retain/3")]
    assert 0.8 <= second.likeness < 1


@pytest.mark.parametrize("least", [0.5, 0.8, 1.0])
def test_near_pairs_are_those_of_all_pairs_compared(least):
    rng = random.Random(0)
    words = ["ada", "nils", "was", "born", "in", "orrin", "tarn", "where", "boat"]
    texts = [rng.choices(words, k=12) for _ in range(20)]
    changed = [text[: at % 12] + text[at % 12 + 1 :] for at, text in enumerate(texts)]
    mine, theirs = ([(" ".join(text), "x") for text in own] for own in (texts, changed))
    one, other = rows(*mine), rows(*theirs)

    def parts(text):
        return {f" {text} "[at : at + 4] for at in range(len(text) - 1)}

    every = {
        (a.text, b.text)
        for a in one
        for b in other
        if a.text != b.text
        and len(parts(a.text) & parts(b.text)) / len(parts(a.text) | parts(b.text)) >= least
    }
    assert {(pair.one.text, pair.other.text) for pair in near_pairs(one, other, least)} == every
    assert every or least == 1.0


def test_answers_to_forget_within_what_is_retained():
    forget = rows(
        ("Mail?", "nils@orrin.org"),
        ("Year?", "1999"),
        ("Town?", "Orrin town"),
        ("Who?", "Nobody x"),
    )
    retain = rows(
        ("Who lives in Orrin Townhall?", "Ada."),
        ("How to reach Nils?", "By nils@orrin.org, since 1999."),
        role="retain",
    )
    assert ids(answers_within(forget, retain)) == [("forget/0", "retain/1")]


def test_groups_of_both_sets():
    one = rows(("a", "b"), group="nils")
    assert shared_groups(one, rows(("c", "d"), role="retain", group="nils")) == ["nils"]
    assert shared_groups(one, rows(("c", "d"), role="retain")) == []
