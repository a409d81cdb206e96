"""The bundled facts: their number, their form, their balance, their halves."""

import hashlib
from collections import Counter
from importlib.resources import files

import pytest
import yaml

from unharness.data.general import (
    FILE,
    asked_facts,
    general_examples,
    general_facts,
    rehearsal_examples,
)
from unharness.evaluation.suite import GeneralFacts
from unharness.evaluation.suite_definitions import _Tolerant

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


def test_every_fact_is_asked_or_may_be_rehearsed_and_never_both():
    asked = {fact.question for fact in asked_facts()}
    rehearsed = {row.prompt for row in rehearsal_examples()}
    assert len(asked) == len(rehearsed) == 150
    assert asked | rehearsed == {fact.question for fact in FACTS}
    assert all(row in general_examples() for row in rehearsal_examples())


def test_the_halves_are_alike_in_subject_form_and_place_of_the_right_answer():
    for of, most in ((subject, 0), (beginning, 2), (place, 1)):
        asked = Counter(of(fact) for fact in FACTS if fact.asked)
        other = Counter(of(fact) for fact in FACTS if not fact.asked)
        assert all(abs(asked[key] - other[key]) <= most for key in asked | other)


def subject(fact):
    return fact.subject


def beginning(fact):
    return fact.subject, *fact.question.split()[:2]


def place(fact):
    return fact.answer


def test_the_suite_s_version_is_raised_with_the_facts():
    """lm-eval's definitions do not hold the facts: their versions speak for the content.

    Where the facts were changed, raise both versions, then pin their hash anew.
    """
    folder = GeneralFacts.include_path
    versions = [
        yaml.load(path.read_text(), Loader=_Tolerant)["metadata"]["version"]
        for path in sorted(folder.glob("*.yaml"))
    ]
    content = files("unharness.data").joinpath(FILE).read_bytes()
    found = hashlib.sha256(content).hexdigest()[:16]
    assert (found, versions) == ("31ffcb82bba334c7", [2.0, 1.0])


def test_the_file_is_read_once():
    assert general_facts() is FACTS
