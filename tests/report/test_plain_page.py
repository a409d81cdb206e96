"""The page for readers who know no machine learning: its words, numbers, gaps and safety."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

from unharness.errors import UsageError
from unharness.records.record import AnswersRecord, RankingRecord, RunRecord, TrainingRecord
from unharness.report.html.parts import policy_hash
from unharness.report.plain.page import check_page_path, to_page
from unharness.report.plain.words import FORGOTTEN, KEPT, level_list, share_between, words_for

EVIL = "</style><img src=x onerror=alert(1)>\u202egnp"
RANKING = RankingRecord(headline="gone", forget_axis="gone", retain_axes=["left"])
SPLITS = {
    "forget": {"n": 110, "hash": "ef" * 32, "role": "forget"},
    "retain": {"n": 90, "hash": "ef" * 32, "role": "retain"},
}


@pytest.fixture
def build(make_record):
    """build("kl", gone=…, left=…) -> a record with these two columns and its axes."""

    def make(method: str = "kl", /, *, seed: int = 0, **metrics: Any) -> RunRecord:
        record = make_record(method, metrics, seed=seed, ranking=RANKING)
        assert record.data is not None
        record.data.splits = SPLITS
        for name, one in record.metrics.items():
            one.split = "forget" if name.startswith("gone") else "retain"
            one.metric = "made-up"
        record.training = TrainingRecord(steps=3)
        return record

    return make


def read(page: str) -> str:
    """What a reader sees of a page, in one line."""
    body = page[page.index("<body") :]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", body)).split())


def short(page: str) -> str:
    """The words under `In short`."""
    return read(page).partition("In short")[2].partition("What was to be forgotten")[0]


def references(build: Any) -> list[RunRecord]:
    return [
        build("vanilla", gone=0.0, left=100.0),
        build("retrain", gone=80.0, left=100.0),
        build("retrain", seed=1, gone=78.0, left=100.0),
        build("base", gone=90.0, left=10.0),
    ]


@pytest.mark.parametrize(
    ("gone", "left", "said"),
    [
        (
            (60.0, 55.0, 62.0),
            (97.0, 96.0, 98.0),
            [
                "More than half of it (76% of what can be forgotten; 95% interval 70% to 78%).",
                "0.0% before, 60.0% now (between 55.0% and 62.0%)",
                "For a model that never saw these facts it is 79.0%",
                "Almost all of it (97% of what the model knew before; 95% interval 96% to 98%).",
            ],
        ),
        (
            (60.0, 30.0, 79.0),
            (19.0, 10.0, 28.0),
            [
                "The interval goes from “less than half of it” to “as much as a model that never",
                "Little of it (10% of what the model knew before; 95% interval 0% to 20%).",
            ],
        ),
        (
            (99.0, 98.0, 100.0),
            (55.0, 54.0, 56.0),
            ["As much as a model that never saw these facts (100%", "goes beyond a model that"],
        ),
    ],
)
def test_what_was_forgotten_and_kept_stands_in_words(gone, left, said, build, save):
    record = build(gone=gone, left=left)
    page = to_page(record, save(record, *references(build)))
    for words in said:
        assert words in short(page)
    assert "one run with one seed" in read(page)
    assert "2 models that never saw what is to be forgotten" in read(page)


def test_without_models_to_compare_with_nothing_is_claimed(build, save):
    record = build(gone=(60.0, 55.0, 65.0))
    words = read(to_page(record, save(record)))
    assert "Whether that is as much as can be forgotten is not known" in words
    assert "What the model should have kept was not measured" in words
    for level in (*FORGOTTEN, *KEPT):
        assert f"{level.words} (" not in words.partition("In short")[2].casefold()
    assert "No model was measured that was trained without what is to be forgotten" in words
    assert "nothing says what changed" in words


def test_whether_anything_changed_is_said_without_a_retrained_model(build, save):
    store = save(build("vanilla", gone=7.0, left=100.0))
    for value, words in (
        ((8.0, 5.0, 11.0), "No change can be seen: the number before lies within the interval"),
        ((60.0, 50.0, 70.0), "It has changed by more than the interval"),
    ):
        assert words in short(to_page(build(gone=value), store))


def test_a_measure_that_cannot_tell_says_so(build, save):
    record = build(gone=(2.0, 1.0, 3.0), left=(50.0, 40.0, 60.0))
    others = [build("vanilla", gone=0.0, left=4.0), build("retrain", gone=3.0, left=5.0)]
    words = short(to_page(record, save(record, *others)))
    assert "cannot show whether anything was forgotten" in words
    assert "hardly knew this before" in words


def test_few_examples_and_missing_intervals_are_named(build, save):
    record = build(gone=60.0, left=(97.0, 96.0, 98.0), gone_alike=(16.0, 16.0, 16.0))
    record.metrics["gone"].n = 8
    words = read(to_page(record, save(record, *references(build))))
    assert "Only 8 examples stood for it: take it with care." in words
    assert "not known: all examples are alike" in words
    assert "Where an interval is not known, too few examples or groups stood for it." in words


def test_what_was_not_tested_follows_from_the_record(build, save, make_record):
    record = build(gone=60.0, left=90.0, lacking=None)
    record.metrics["lacking"].status = "no example of forget has what it asks for: Likelihood()"
    store = save(record, *references(build))
    words = read(to_page(record, store)).partition("What was not tested")[2]
    assert "Nobody tried to bring the facts back" in words
    assert "relearn (" in words
    assert "general was not measured" in words
    assert "lacking: no value; the data has no texts for it" in words
    assert "Likelihood" not in words
    record.metrics["lacking"].status = "the examples of forget have no wrong answers"
    again = read(to_page(record, save(record, *references(build))))
    assert "lacking: no value; the data has no texts for it" in again
    # Tried on the same weights: the page has what it changed, and does not list it as missing.
    attacked = build(gone=20.0, left=90.0)
    use = {"name": "relearn", "version": 1, "source": "ab" * 32, "config": {}}
    spec = attacked.spec.changed(attacks=[use], attack_name="relearn")
    attacked = attacked.model_copy(update={"spec": spec, "run_id": spec.run_id()})
    words = read(to_page(record, store, [attacked]))
    assert "60.0% without the attack, 20.0% after it" in words
    missing = words.partition("These ways to bring the facts back were not tried:")[2]
    assert missing
    assert "relearn (" not in missing


def test_a_broken_model_is_called_broken(build, save):
    record = build(gone=90.0, left=5.0)
    record.answers = {"retain": AnswersRecord(role="retain", n=90, loops=0.8)}
    words = short(to_page(record, save(record, *references(build))))
    assert "The model counts as broken: 80% of its answers to retain are loops" in words


def test_nothing_of_a_record_becomes_markup_or_is_loaded(build, save):
    record = build(gone=60.0, left=90.0)
    assert record.data is not None
    record.data.description = record.spec.runtime.model + EVIL
    record.warnings = [EVIL]
    record.metrics[f"gone{EVIL}"] = record.metrics["gone"]
    page = to_page(record, save(record))
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\\u202egnp" in page
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert f"default-src 'none'; img-src data:; style-src '{policy_hash(style)}'" in page
    assert "<script" not in page
    assert "style=" not in page
    assert not re.search(r"(?:src|href)=[\"'](?!data:,|#)", page)
    assert "url(" not in page


def test_an_unfinished_run_and_a_row_to_compare_with_say_so(build, save):
    record = build("retrain", gone=80.0, left=100.0)
    failed = build(gone=80.0).model_copy(update={"status": "failed", "error": "it broke"})
    assert "a model to compare with (retrained)" in read(to_page(record, save(record)))
    assert "This run did not finish : it broke" in read(to_page(failed, save(failed)))


def test_words_hold_from_their_limits_on():
    assert words_for(0.95, FORGOTTEN) == FORGOTTEN[0].words
    assert words_for(0.949, FORGOTTEN) == FORGOTTEN[1].words
    assert words_for(-1, KEPT) == KEPT[-1].words
    assert level_list(KEPT)[0] == "“almost all of it”: 95% and more"
    assert level_list(KEPT)[-1] == "“little of it”: 0% to 20%"
    assert share_between(30, 10, 50) == 0.5
    assert share_between(70, 90, 50) == 0.5  # a measure that falls
    assert share_between(99, 10, 50) == 1.0
    assert share_between(30, 30, 32) is None


def test_the_place_of_the_page_is_checked(tmp_path: Path):
    check_page_path(tmp_path / "page.html")
    with pytest.raises(UsageError, match="is a folder; give a file, such as"):
        check_page_path(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        check_page_path(tmp_path / "gone" / "page.html")
