"""Examples, splits and TaskData: what they refuse, and what their hashes depend on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import DataOrigin, Example, Generation, Split, TaskData
from unharness.errors import DataError

ORIGIN = DataOrigin("path", "here", {"retain_eval": "/data/retention_val.json"})
USE = {"train": {"evaluated": False}, "eval": {"trainable": False}}
NAMES = ("forget_train", "forget_eval", "retain_train", "retain_eval")


def _rows(name: str, count: int = 2) -> tuple[Example, ...]:
    return tuple(
        Example(f"{name}/{index}", f"{name} {index}?", f"Answer {index}.") for index in range(count)
    )


def _splits(count: int = 2) -> dict[str, Split]:
    found = {}
    for name in NAMES:
        role, use = name.split("_")
        found[name] = Split(name, role, examples=_rows(name, count), **USE[use])  # type: ignore[arg-type]
    return found


def _data(**changes: Any) -> TaskData:
    splits = _splits()
    for name, rows in changes.items():
        splits[name] = splits[name].with_examples(rows)
    return TaskData(splits, ORIGIN)


def _with(split: Split) -> TaskData:
    return TaskData({**_splits(), split.name: split}, ORIGIN)


def test_splits_are_found_by_role_and_use():
    data = _data()
    assert data.sizes() == dict.fromkeys(NAMES, 2)
    assert data["retain_eval"] == _rows("retain_eval")
    assert [split.name for split in data.learned()] == list(NAMES)
    assert [split.name for split in data.learned(without="forget")] == list(NAMES[2:])
    assert [split.name for split in data.trainable("forget")] == ["forget_train"]
    assert [split.name for split in data.evaluated()] == ["forget_eval", "retain_eval"]
    assert [split.name for split in data.evaluated("retain")] == ["retain_eval"]


def test_a_split_may_be_trained_on_and_evaluated():
    both = Split("all", "forget", examples=_rows("all"))
    data = TaskData.of([both], ORIGIN)
    assert data.trainable("forget") == data.evaluated("forget") == data.learned() == (both,)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_split_is_refused(name: str):
    place = ORIGIN.files.get(name, name)
    with pytest.raises(DataError, match=f"{place}: no examples"):
        _data(**{name: ()})


def test_something_to_forget_is_needed():
    splits = [split for split in _splits().values() if split.name != "forget_train"]
    with pytest.raises(DataError, match="no split with role 'forget' may be read"):
        TaskData.of(splits, ORIGIN).require_forget_split()


@pytest.mark.parametrize(("field", "value"), [("role", "forgotten"), ("kind", "poem")])
def test_unknown_roles_and_kinds_are_refused(field: str, value: str):
    with pytest.raises(DataError, match=f"unknown {field} '{value}'"):
        Split(**{"name": "x", "role": "forget", field: value})  # type: ignore[arg-type]


def test_two_splits_of_one_name_are_refused():
    with pytest.raises(DataError, match="two splits are named 'a'"):
        TaskData.of([Split("a", "forget", examples=_rows("a"))] * 2, ORIGIN)


@pytest.mark.parametrize(("choices", "gold"), [((), 0), (("a", "b"), 2), (("a",), -1)])
def test_gold_must_name_a_choice(choices: tuple[str, ...], gold: int):
    with pytest.raises(DataError, match=f"gold is {gold}"):
        Example("x", "Who?", "a", choices=choices, gold=gold)


def test_a_repeat_within_a_split_is_refused():
    rows = (*_rows("forget_train", 3), Example("x", " forget_train 1?\n", "Answer 1. "))
    with pytest.raises(DataError, match="^forget_train: item 3 repeats item 1 of forget_train"):
        _data(forget_train=rows)


def test_an_overlap_of_forget_and_retain_is_refused_with_file_and_index():
    rows = (*_rows("retain_eval"), Example("x", "forget_eval 0?", "Answer 0."))
    with pytest.raises(DataError) as caught:
        _data(retain_eval=rows)
    place = "/data/retention_val.json: item 2 repeats item 0 of forget_eval"
    assert str(caught.value).startswith(place)
    assert "both to forget and to retain" in str(caught.value)


def test_what_is_learned_is_learned_once():
    rows = (*_rows("retain_eval"), *_rows("retain_train", 1))
    with pytest.raises(DataError, match="every learned example once"):
        _data(retain_eval=rows)
    known = Split("retain_seen", "retain", learned=False, examples=_rows("retain_train"))
    assert len(_with(known).splits) == 5


def test_an_overlap_of_holdout_and_what_is_learned_is_refused():
    held = Split("holdout", "holdout", learned=False, examples=_rows("forget_train"))
    with pytest.raises(DataError, match="never learned"):
        _with(held)


def test_one_question_may_have_several_answers():
    rows = (Example("a", "Who?", "She."), Example("b", "Who?", "He."))
    assert _data(forget_train=rows)["forget_train"] == rows


def test_limited_takes_the_first_of_every_split():
    data = TaskData(_splits(5), ORIGIN)
    assert data.limited(None) is data
    few = data.limited(2)
    assert few.sizes() == dict.fromkeys(NAMES, 2)
    assert few["forget_train"] == data["forget_train"][:2]
    assert few.origin == data.origin
    assert data.limited(100).content_hash() == data.content_hash()
    assert few.content_hash() != data.content_hash()


def test_the_hash_is_of_content_not_of_place_or_ids():
    data = _data()
    other = DataOrigin("hub", "elsewhere", {"forget_train": "/another/file.json"})
    renamed = {
        name: split.with_examples(Example("id", row.prompt, row.answer) for row in split.examples)
        for name, split in reversed(_splits().items())
    }
    assert TaskData(renamed, other).content_hash() == data.content_hash()
    assert len(data.content_hash()) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"group": "author"},
        {"alternatives": {"perturbed": ("Not she.",)}},
        {"prompts": {"paraphrase": ("Who, then?",)}},
        {"choices": ("a", "b"), "gold": 1},
        {"weight": 2.0},
        {"meta": {"page": 3}},
    ],
)
def test_a_target_depends_on_questions_and_answers_alone(changes: dict[str, Any]):
    rows = _rows("forget_eval")
    richer = Example(rows[0].id, rows[0].prompt, rows[0].answer, **changes)
    data = _data(forget_eval=(richer, rows[1]))
    assert data.learned_hash() == _data().learned_hash()
    assert data.content_hash() != _data().content_hash()


def test_a_split_that_is_not_learned_makes_no_new_target():
    extra = Split("utility", "utility", learned=False, examples=_rows("utility"))
    assert _with(extra).learned_hash() == _data().learned_hash()
    assert _with(extra).content_hash() != _data().content_hash()


def test_stripped_keeps_only_what_is_named():
    row = Example("x", "Who?", "She.", alternatives={"refusal": ("No.",), "perturbed": ("He.",)})
    assert row.stripped(["refusal"]).alternatives == {"refusal": ("No.",)}
    assert row.stripped().alternatives == {}


def test_the_hash_changes_with_text_order_and_split():
    data = _data()
    rows = data["forget_train"]
    changed = (Example("x", "forget_train 0!", "Answer 0."), rows[1])
    swapped = {"forget_train": data["forget_eval"], "forget_eval": rows}
    hashes = {
        data.content_hash(),
        _data(forget_train=changed).content_hash(),
        _data(forget_train=rows[::-1]).content_hash(),
        _data(**swapped).content_hash(),
        _with(Split("more", "utility", examples=(Example("c", "a", "b"),))).content_hash(),
    }
    assert len(hashes) == 5


texts = st.text(alphabet="ab\n\"',[]\\ ", min_size=1, max_size=6)


@given(one=st.tuples(texts, texts), two=st.tuples(texts, texts))
def test_the_hash_tells_where_a_question_ends(one: tuple[str, str], two: tuple[str, str]):
    left, right = (
        Split("s", "forget", examples=(Example("x", *pair),)).content_hash() for pair in (one, two)
    )
    assert (left == right) == (one == two)


def test_how_text_is_generated_counts_in_the_hash_of_the_data_alone():
    def data(generation):
        split = Split("s", "forget", examples=(Example("1", "a?", "b"),), generation=generation)
        return TaskData({"s": split}, ORIGIN)

    default = data(Generation())
    assert data(None).content_hash() == default.content_hash()
    others = [data(how) for how in (Generation(3), Generation(stops=("\n",)))]
    assert len({one.content_hash() for one in (default, *others)}) == 3
    for other in others:
        assert other.learned_hash() == default.learned_hash()
        assert other.split_hashes() == default.split_hashes()


def test_what_the_user_sets_takes_the_place_of_the_splits_own():
    own = Split(
        "s",
        "forget",
        examples=(Example("0", "Who?", "She."),),
        template="chat",
        generation=Generation(max_new_tokens=5, stops=("!",)),
    )
    data = TaskData.of([own], ORIGIN)
    kept = data.without_own(template=False, max_new_tokens=False)
    assert kept.splits["s"] == own
    asked = data.without_own(template=True, max_new_tokens=True).splits["s"]
    assert asked.template is None
    assert asked.generation == Generation(stops=("!",))
