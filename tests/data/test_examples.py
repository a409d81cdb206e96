"""TaskData: what it refuses, and what its hash depends on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.data.examples import REQUIRED_SPLITS, DataOrigin, Example, TaskData
from unharness.errors import DataError

ORIGIN = DataOrigin("path", "here", {"retain_eval": "/data/retention_val.json"})


def _splits(per_split: int = 2) -> dict[str, tuple[Example, ...]]:
    return {
        name: tuple(
            Example(f"{name} {index}?", f"Answer {index}.", f"{name}/{index}")
            for index in range(per_split)
        )
        for name in REQUIRED_SPLITS
    }


def _data(**changes: Any) -> TaskData:
    return TaskData(_splits() | changes, ORIGIN)


def test_the_four_splits_are_there():
    data = _data()
    assert data.sizes() == dict.fromkeys(REQUIRED_SPLITS, 2)
    assert data.forget_train == data.splits["forget_train"]
    assert data.forget_eval == data.splits["forget_eval"]
    assert data.retain_train == data.splits["retain_train"]
    assert data.retain_eval == data.splits["retain_eval"]


@pytest.mark.parametrize("name", REQUIRED_SPLITS)
def test_a_missing_or_empty_split_is_refused(name: str):
    place = ORIGIN.files.get(name, name)
    with pytest.raises(DataError, match=f"{place}: no examples"):
        _data(**{name: ()})
    splits = _splits()
    del splits[name]
    with pytest.raises(DataError, match=f"{place}: no examples"):
        TaskData(splits, ORIGIN)


def test_a_repeat_within_a_split_is_refused():
    rows = (*_splits(3)["forget_train"], Example(" forget_train 1?\n", "Answer 1. ", "x"))
    with pytest.raises(DataError, match="^forget_train: item 3 repeats item 1 of forget_train"):
        _data(forget_train=rows)


def test_an_overlap_of_forget_and_retain_is_refused_with_file_and_index():
    rows = (*_splits()["retain_eval"], Example("forget_eval 0?", "Answer 0.", "x"))
    with pytest.raises(DataError) as caught:
        _data(retain_eval=rows)
    place = "/data/retention_val.json: item 2 repeats item 0 of forget_eval"
    assert str(caught.value).startswith(place)
    assert "both to forget and to retain" in str(caught.value)


def test_one_question_may_have_several_answers():
    rows = (Example("Who?", "She.", "a"), Example("Who?", "He.", "b"))
    assert _data(forget_train=rows).forget_train == rows


def test_limited_takes_the_first_of_every_split():
    data = TaskData(_splits(5), ORIGIN)
    assert data.limited(None) is data
    few = data.limited(2)
    assert few.sizes() == dict.fromkeys(REQUIRED_SPLITS, 2)
    assert few.forget_train == data.forget_train[:2]
    assert few.origin == data.origin
    assert data.limited(100).content_hash() == data.content_hash()
    assert few.content_hash() != data.content_hash()


def test_the_hash_is_of_content_not_of_place_ids_or_meta():
    data = _data()
    other = DataOrigin("hub", "elsewhere", {"forget_train": "/another/file.json"})
    renamed = {
        name: tuple(Example(row.prompt, row.answer, "id", {"k": "v"}) for row in rows)
        for name, rows in reversed(_splits().items())
    }
    assert TaskData(renamed, other).content_hash() == data.content_hash()
    assert len(data.content_hash()) == 64


def test_the_hash_changes_with_text_order_and_split():
    data = _data()
    rows = data.forget_train
    changed = (Example("forget_train 0!", "Answer 0.", "x"), rows[1])
    swapped = {"forget_train": data.forget_eval, "forget_eval": rows}
    hashes = {
        data.content_hash(),
        _data(forget_train=changed).content_hash(),
        _data(forget_train=rows[::-1]).content_hash(),
        _data(**swapped).content_hash(),
        _data(holdout=(Example("a", "b", "c"),)).content_hash(),
    }
    assert len(hashes) == 5


texts = st.text(alphabet="ab\n\"',[]\\ ", min_size=1, max_size=6)


@given(one=st.tuples(texts, texts), two=st.tuples(texts, texts))
def test_the_hash_tells_where_a_question_ends(one: tuple[str, str], two: tuple[str, str]):
    left = _data(holdout=(Example(*one, "x"),)).split_hashes()["holdout"]
    right = _data(holdout=(Example(*two, "x"),)).split_hashes()["holdout"]
    assert (left == right) == (one == two)
