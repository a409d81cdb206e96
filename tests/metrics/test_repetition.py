"""Loops in generated text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Example, Generated, Observed, Seen, Split
from unharness_metrics.repetition import Looping, Repetition


def compute(metric, *texts):
    examples = tuple(Example(str(at), "?", "!") for at in range(len(texts)))
    observed = {Generated(): Observed(texts={"samples": [[text] for text in texts]})}
    return metric.compute(Seen(Split("s", "forget", examples=examples), observed), {})


@pytest.mark.parametrize(
    ("text", "n", "wanted"),
    [
        ("the dog saw the dog near the old mill", 2, 12.5),  # 7 different of 8
        ("the dog saw the dog near the old mill", 3, 0.0),
        ("In Rome. In rome. In ROME.", 3, 100 * 4 / 7),  # marks count, case does not
        ("!!!!!!!!", 4, 80.0),
        ("one two", 4, None),
        ("", 1, None),
    ],
)
def test_repetition_by_hand(text, n, wanted):
    found = compute(Repetition(n=n), text, "a b c d e f")
    assert found.per_example == {"s": [wanted if wanted is None else pytest.approx(wanted), 0.0]}
    assert found.n_unscored == (wanted is None)


def test_texts_that_are_all_too_short_are_no_value():
    found = compute(Repetition(), "", "a b")
    assert (found.value, found.n_unscored) == (None, 2)


def test_looping_is_more_than_three_times():
    three, four = "a b c d . " * 3, "a b c d . " * 4
    assert compute(Looping(), three, four, "").per_example == {"s": [0.0, 100.0, 0.0]}
    assert compute(Looping(most=2), three).value == 100.0


@given(st.lists(st.text("ab .", max_size=40), min_size=1, max_size=5))
def test_bounds(texts):
    for metric in (Repetition(n=2), Looping(n=2)):
        found = compute(metric, *texts).value
        assert found is None or 0 <= found <= 100
