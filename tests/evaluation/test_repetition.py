"""Loops in generated text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.evaluation.repetition import is_loop, repeated_share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("physicist " * 13, 9 / 10),  # ten 4-grams, one of them new
        ("a b c d e f " * 3, 9 / 15),  # fifteen, of which six are new
        ("Physicist physicist " * 6, 8 / 9),  # in any case
        ("a b c d e f g h i j k l", 0.0),
        ("!" * 12, 8 / 9),  # every mark by itself
        ("on" * 20, 1 - 2 / 37),  # no spaces: by the character
        ("the " * 11, None),  # too short
        ("", None),
    ],
)
def test_repeated_share_by_hand(text, expected):
    assert repeated_share(text) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    "text",
    [
        "The author was born in Oslo in 1950 and lives in Bergen. The author's e-mail is "
        "anna.berg@example.org; her parents were a baker and a nurse.",
        "1. The Sea. 2. The Sea at Night. 3. The Sea in Winter. 4. The Sea and I. 5. The Last Sea.",
        "Nobody knows. " * 3,
    ],
)
def test_sentences_lists_and_short_texts_are_no_loops(text):
    assert not is_loop(text)


def test_a_sentence_that_ends_in_a_loop_is_one_where_most_of_it_repeats():
    beginning = "Thomas McAllister is involved in many local causes, and"
    assert is_loop(beginning + " physicist" * 30)
    assert not is_loop(beginning + " physicist" * 6)


@given(st.text())
def test_it_is_a_share_of_any_text(text):
    share = repeated_share(text)
    assert share is None or 0 <= share < 1
