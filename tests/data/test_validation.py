"""What tuning may judge on: drawn from training splits, where their examples are alike."""

from typing import Any

import pytest

from unharness import DataOrigin, Example, Split, TaskData, validation_splits
from unharness.errors import DataError


def data(**evaluated: Any) -> TaskData:
    rows = tuple(Example(f"full/{n}", f"Q{n}?", f"A{n}.", str(n // 2)) for n in range(10))
    forget = Split("forget", "forget", examples=rows[8:])
    retain = Split("retain", "retain", evaluated=False, examples=rows[:8])
    asked = Split("retain_eval", "retain", trainable=False, **evaluated)
    return TaskData.of((forget, retain, asked), DataOrigin("path", "here"))


def test_held_out_examples_take_the_place_of_those_that_are_asked():
    others = tuple(Example(f"new/{n}", f"N{n}?", "B.") for n in range(3))
    found = validation_splits(data(learned=True, examples=others))
    assert found["forget"] == data(learned=True, examples=others)["forget"]
    assert len(found["retain"]) == 6
    assert len({row.group for row in found["retain_eval"]}) == 1  # a group stays together
    assert not {row.id for row in found["retain_eval"]} & {row.id for row in found["retain"]}


def test_rows_of_the_retain_set_may_be_asked_but_not_replaced():
    """The target would not know what is held out."""
    rows = data(learned=True, examples=(Example("n", "N?", "B."),))["retain"][:2]
    whole = data(learned=False, examples=rows)
    assert whole["retain_eval"] == whole["retain"][:2]
    with pytest.raises(DataError, match=r"retain_eval \(qa, not learned\): nothing in retain can"):
        validation_splits(whole)


def test_texts_do_not_take_the_place_of_questions():
    texts = (Example("t", "", "Once upon a time."),)
    with pytest.raises(DataError, match=r"retain_eval \(text, learned\).*validation_splits\(\)"):
        validation_splits(data(learned=True, kind="text", examples=texts))
