"""What a card says that no run on micro brings about."""

import json

import pytest

from unharness.exports.checkpoint import Layout
from unharness.exports.model_card import metadata, model_card
from unharness.records.record import TrainingRecord

FULL = Layout("full")


@pytest.fixture
def record(make_record):
    return make_record("memflex", {"a": (70.0, 65.0, 75.0), "b": None})


def test_an_inference_wrapper_is_named(record):
    assert "alone are not what was measured" not in model_card(record, FULL, name="mine")
    record.training = TrainingRecord(wrapper={"text": "…"})
    text = model_card(record, FULL, name="mine")
    assert "**These weights alone are not what was measured.**" in text
    assert "of the method `memflex` rewrites" in text


def test_a_base_on_the_hub_is_named_at_its_commit(record):
    layout = Layout("adapter", "org/base", "abc123")
    text = model_card(record, layout, name="me/mine", licence="apache-2.0")
    assert 'from_pretrained("org/base", revision="abc123")' in text
    assert 'PeftModel.from_pretrained(base, "me/mine")' in text
    found = metadata(record, layout, name="me/mine", licence="apache-2.0")
    assert (found["base_model"], found["license"]) == ("org/base", "apache-2.0")
    assert metadata(record, FULL, name="mine")["license"] == "other"


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("memflex", "then unlearned by `memflex`"),
        ("base", "before it learned the facts"),
        ("vanilla", "of which nothing is unlearned"),
        ("retrain", "but for those that are to be forgotten"),
    ],
)
def test_reference_rows_are_not_called_unlearned(make_record, method, words):
    assert words in model_card(make_record(method, {"a": 1.0}), FULL, name="mine")


def test_a_folder_is_told_by_its_last_part(make_record):
    record = make_record("memflex", {"a": 1.0}, model="/home/ann/llama")
    text = model_card(record, FULL, name="mine")
    assert "`llama`, taught the facts" in text
    assert "ann" not in text


def test_metrics_without_a_value_are_named_and_not_in_the_index(record):
    [index] = metadata(record, FULL, name="mine")["model-index"]
    assert [one["name"] for part in index["results"] for one in part["metrics"]] == ["a"]
    assert "Without a value: b." in model_card(record, FULL, name="mine")


def test_texts_of_others_make_no_markup(make_record):
    evil = "</script><img src=x>|](http://x)"
    record = make_record("memflex", {"a": 1.0}, config={"note": evil}, warnings=[evil])
    text = model_card(record, FULL, name="mine")
    assert "<img" not in text.partition("## Method")[2]
    assert json.dumps(evil)[1:-1] not in text
