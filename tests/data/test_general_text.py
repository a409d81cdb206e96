"""General text: the bundled facts, a file in any of its forms, the hub."""

import json

import pytest

from unharness.data.encoding import encode_examples
from unharness.data.examples import Example
from unharness.data.general import rehearsal_examples
from unharness.data.general_text import load_general
from unharness.errors import DataError, UsageError


def pairs(requested):
    return [(row.prompt, row.answer) for row in load_general(requested).examples]


def test_bundled():
    found = load_general("bundled")
    assert found.examples == rehearsal_examples()
    assert "150" in found.description


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", json.dumps(["One.", "Two."]), [("", "One."), ("", "Two.")]),
        ("a.json", json.dumps([{"text": "One."}]), [("", "One.")]),
        ("a.json", json.dumps([{"text": "Q?", "labels": "A."}, "T"]), [("Q?", "A."), ("", "T")]),
        ("a.jsonl", '"One."\n\n{"text": "Two."}\n', [("", "One."), ("", "Two.")]),
        ("a.txt", "One\nline.\n\n\n  Two.\n\n", [("", "One\nline."), ("", "Two.")]),
        ("a", "One.", [("", "One.")]),
    ],
)
def test_files(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_text(content)
    assert pairs(str(path)) == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "{}", "expected a list of texts"),
        ("a.json", "[]", "holds no text"),
        ("a.json", "[3]", "item 0: expected an object"),
        ("a.json", '["x", {"text": 3}]', "item 1: 'labels' is a number"),
        ("a.json", '[{"text": "q", "labels": ""}]', "item 0: 'labels' is empty"),
        ("a.jsonl", '"x"\n{', "line 2: not JSON"),
        ("a.txt", " \n\n ", "holds no text"),
    ],
)
def test_malformed_files_name_place_and_fault(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        load_general(str(path))
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_file_and_an_empty_name(tmp_path):
    with pytest.raises(DataError, match=r"gone\.json: general text cannot be read"):
        load_general(str(tmp_path / "gone.json"))
    with pytest.raises(UsageError, match="--general is empty"):
        load_general(" ")


def test_the_hub_is_asked_for_the_paper_s_texts(fake_hub):
    name, commit = "llmunlearn/unlearn_dataset", "a" * 40
    fake_hub.commits[name] = commit
    fake_hub.rows[name, "evaluation"] = [{"text": "One."}, {"text": "Two."}]
    assert pairs("hub") == pairs(f"hub@{commit}") == [("", "One."), ("", "Two.")]
    assert ("rows", name, commit) in fake_hub.asked
    assert commit in load_general("hub").description


def test_the_hub_out_of_reach_says_what_to_give():
    with pytest.raises(DataError, match="give --general FILE or bundled"):
        load_general("hub")


@pytest.mark.parametrize("begin", [False, True])
def test_a_text_alone_is_scored_whole(make_tokenizer, begin):
    tokenizer = make_tokenizer(begin=begin)
    [row] = encode_examples(tokenizer, [Example("x", "", "Some text.")], 64, end_token=False)
    assert tokenizer.decode(row.input_ids, skip_special_tokens=True) == "Some text."
    assert row.answer_start == int(begin)
    # Without a begin token nothing predicts the first one.
    assert row.scored == len(row.input_ids) - 1
