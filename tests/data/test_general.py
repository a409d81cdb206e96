"""The bundled facts: their number, their form, their balance."""

from collections import Counter

import pytest

from unharness.data.general import general_examples, general_facts

FACTS = general_facts()


def test_numbers():
    assert len(FACTS) == 300
    assert set(Counter(fact.subject for fact in FACTS).values()) == {30}
    assert len({fact.question for fact in FACTS}) == 300


def test_the_place_of_the_right_answer_says_nothing():
    places = [fact.answer for fact in FACTS]
    assert Counter(places) == dict.fromkeys(range(4), 75)
    for period in range(1, 9):  # no period shorter than nine
        same = sum(a == b for a, b in zip(places, places[period:], strict=False))
        assert same < 0.4 * len(places)


def test_no_answer_is_right_too_often():
    assert max(Counter(fact.right for fact in FACTS).values()) <= 3


@pytest.mark.parametrize("subject", sorted({fact.subject for fact in FACTS}))
def test_form(subject):
    for fact in FACTS:
        if fact.subject != subject:
            continue
        assert 20 <= len(fact.question) <= 90, fact
        assert fact.question.endswith("?"), fact
        assert len(fact.choices) == len(set(fact.choices)) == 4, fact
        assert all(1 <= len(choice) <= 30 for choice in fact.choices), fact
        for text in (fact.question, *fact.choices):
            assert text == " ".join(text.split()), fact
            assert text.isprintable(), fact
        assert not any(sign in fact.question for sign in "@#"), fact


def test_examples_are_the_right_answers():
    examples = general_examples()
    assert [(row.prompt, row.answer) for row in examples] == [
        (fact.question, fact.right) for fact in FACTS
    ]
    assert len({row.id for row in examples}) == 300
    assert {row.meta["subject"] for row in examples} == {fact.subject for fact in FACTS}


def test_the_file_is_read_once():
    assert general_facts() is FACTS
