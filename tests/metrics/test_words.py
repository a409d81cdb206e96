"""Words of any script, and what is compared by them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unharness_metrics.words import contains, content_words, words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The Mill, at Orrin's!", ["the", "mill", "at", "orrin", "s"]),
        ("ПРИВЕТ, мир-2", ["привет", "мир", "2"]),
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are marks, and belong to the word
        ("東京は雨。", ["東", "京", "は", "雨"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("Straße ﬁn Ｘ", ["strasse", "fin", "x"]),
        ("naïve nai\u0308ve", ["naïve", "naïve"]),
        ("日本2024年", ["日", "本", "2024", "年"]),
        ("…!?", []),
        ("", []),
    ],
)
def test_words(text, wanted):
    assert words(text) == wanted


def test_articles_are_left_out_unless_there_is_nothing_else():
    assert content_words("The mill of an Orrin") == ["mill", "of", "orrin"]
    assert content_words("The A") == ["the", "a"]


def test_contains_is_of_neighbours():
    assert contains(["a", "b", "c"], ["b", "c"])
    assert not contains(["a", "b", "c"], ["a", "c"])
    assert not contains(["a"], [])


@settings(max_examples=20)
@given(st.text(max_size=20))
def test_words_hold_no_space_and_no_mark(text):
    for word in words(text):
        assert word
        assert not any(letter.isspace() or letter in ".,;:!?" for letter in word)


@given(
    st.text("aZ9_ é\n.東", max_size=20).filter(str.isascii) | st.text(st.characters(codec="ascii"))
)
def test_ascii_words_are_those_of_any_script(text):
    assert [*words(text), "é"] == words(f"{text} é")


@given(st.lists(st.sampled_from("ab"), max_size=6), st.lists(st.sampled_from("ab"), max_size=3))
def test_contained_words_stand_one_after_another(text, part):
    found = bool(part) and "".join(part) in "".join(text)
    assert contains(text, part) is contains(tuple(text), part) is found
