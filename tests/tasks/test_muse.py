"""MUSE's layout, the stand-in of its shape, folds, the hub, and what is refused.

MUSE's own texts are not redistributable, so no test reads them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, PublishedModels, TaskData, UsageError
from unharness.data.named_task import make_task
from unharness.evaluation.columns import resolve_columns
from unharness.registry import registry
from unharness_tasks.muse.rows import muse_layout
from unharness_tasks.muse.standin import muse_standin

COMMIT = "c0ffee" + "0" * 34


def load(name: str, source: str | Path = "standin") -> TaskData:
    return make_task(name, registry()).load(DataSource(str(source)))


def test_parameters_are_read_from_the_name():
    assert make_task("muse:corpus=news", registry()).full_name == "muse"
    assert make_task("muse:fold=sust-2", registry()).full_name == "muse:fold=sust-2"
    for wrong in ("corpus=films", "fold=scal-5", "fold=1"):
        with pytest.raises(UsageError):
            make_task(f"muse:{wrong}", registry())
    with pytest.raises(UsageError, match="books has no folds"):
        make_task("muse:corpus=books,fold=scal-1", registry())


def test_published_models_are_known_by_base_model_and_corpus():
    news = make_task("muse", registry())
    found = PublishedModels("muse-bench/MUSE-News_target", "muse-bench/MUSE-News_retrain")
    for model in ("meta-llama/Llama-2-7b-hf", "muse-bench/MUSE-News_target@1"):
        assert news.published_models(model) == found
    assert news.published_models("muse-bench/MUSE-Books_target") is None
    assert make_task("muse:fold=scal-1", registry()).published_models("Llama-2-7b-hf") is None


@pytest.mark.parametrize("corpus", ["news", "books"])
def test_the_standin_has_the_shape_of_the_facts(corpus: str):
    data = load(f"muse:corpus={corpus}")
    count = {"news": 12, "books": 4}[corpus]
    sizes = data.sizes()
    assert sizes["forget"] == sizes["retain"] == sizes["retain_unread"] == count
    first = data["forget_knowmem"][0]
    assert first.prompt.count("Question: ") == 11
    assert first.prompt.endswith("\nAnswer:")
    assert first.answer not in first.prompt
    uses = {name: (one.learned, one.trainable, one.evaluated) for name, one in data.splits.items()}
    assert uses["forget"] == uses["retain"] == (True, True, False)
    assert uses["retain_unread"] == (True, False, False)
    assert uses["forget_verbmem"] == uses["holdout_privleak"] == (False, False, True)
    # What is asked to go on, and what an attack is given, are pieces of the texts.
    texts = [row.answer for row in data["forget"]]
    for row in (*data["forget_verbmem"], *data["forget_privleak"]):
        assert any(row.prompt + row.answer in text for text in texts)
    assert muse_standin(corpus, "") == muse_standin(corpus, "", seed=0)
    assert muse_standin(corpus, "") != muse_standin(corpus, "", seed=1)


def test_the_standin_is_fixed_by_its_seed():
    # Another hash means other data: raise the generator's VERSION.
    assert load("muse").content_hash() == STANDIN_HASH


STANDIN_HASH = "0f945a019f13a2e82444eba1ec1a4cb32b67d9142d22b962e0cd293f7a066a19"


def texts(data: TaskData, name: str) -> list[str]:
    return [row.answer for row in data[name]]


def test_folds_grow_or_come_one_after_another():
    scal = [load(f"muse:fold=scal-{at}") for at in (1, 2, 3, 4)]
    for at, data in enumerate(scal, start=1):
        assert len(data["forget"]) == 4 * at
        learned = {row.answer for split in data.learned() for row in split.examples}
        assert len(learned) == 12 + 12 + 16
        assert ("other_requests" in data.splits) == (at < 4)
    assert texts(scal[0], "forget") == texts(scal[3], "forget")[:4]
    sust = [load(f"muse:fold=sust-{at}") for at in (1, 2)]
    assert not set(texts(sust[0], "forget")) & set(texts(sust[1], "forget"))
    assert set(texts(sust[1], "forget")) <= set(texts(sust[0], "other_requests"))
    task = make_task("muse:fold=sust-1", registry())
    splits = {one.name: one for one in sust[0].evaluated()}
    labels = [one.label for one in resolve_columns(task.metrics, splits, registry())]
    assert labels == ["knowmem_retain", "forget_sample_memorised"]


@pytest.mark.parametrize("name", ["muse", "muse:corpus=books", "muse:fold=scal-2"])
def test_tuning_forgets_other_texts_and_asks_none_of_muses_questions(name: str):
    task = make_task(name, registry())
    data = task.load(DataSource("standin"))
    tuned = task.validation_splits(data)
    assert tuned.trainable("forget")
    assert set(texts(tuned, "forget")) < set(texts(data, "retain"))
    asked = {(row.prompt, row.answer) for split in data.evaluated() for row in split.examples}
    for split in tuned.evaluated():
        assert not asked & {(row.prompt, row.answer) for row in split.examples}
    assert set(tuned.splits) <= set(data.splits)
    resolve_columns(task.metrics, {one.name: one for one in tuned.evaluated()}, registry())


def grown(corpus: str, fold: str = "none") -> dict[str, list[dict[str, Any]]]:
    """The stand-in's rows, each with a number, as many as MUSE has."""
    made = muse_standin(corpus, "" if fold == "none" else fold.split("-")[0])
    return {
        name: [
            {key: f"{value} ({n})" for key, value in made[name][n % len(made[name])].items()}
            for n in range(part.rows or 0)
        ]
        for name, part in muse_layout(corpus, fold).parts.items()
    }


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """files(part, change) -> a folder as MUSE's books, in which a part's rows were changed."""

    def make(part: str, change: Callable[[list[Any]], Any]) -> Path:
        for name, rows in grown("books").items():
            path = tmp_path / muse_layout("books", "none").parts[name].file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(change(rows) if name == part else rows))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("forget", lambda rows: rows[:3], r"raw/forget.json: holds 3 rows; expected 4"),
        ("forget_verbmem", lambda rows: [{"prompt": "?"}, *rows[1:]], "item 0: no 'gt'; expected"),
        ("retain_knowmem", lambda rows: [{}, *rows[1:]], "item 0: no 'question'; expected"),
        ("retain", lambda rows: [{"text": ""}, *rows[1:]], "item 0: 'text' is empty"),
        ("holdout_privleak", lambda rows: {"text": rows}, "holds 1 rows; expected 100"),
    ],
)
def test_files_that_are_not_muses_are_refused(
    part: str, change: Callable[[list[Any]], Any], words: str, files: Callable[..., Path]
):
    folder = files(part, change)
    with pytest.raises(DataError, match=words):
        load("muse:corpus=books", folder)


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_answer_is_read(empty: Any, files: Callable[..., Path]):
    for part, key in (("forget_verbmem", "gt"), ("retain_knowmem", "answer")):
        folder = files(part, lambda rows, key=key: [rows[0] | {key: empty}, *rows[1:]])
        assert load("muse:corpus=books", folder)[part][0].answer == ""


def test_a_text_that_is_kept_and_forgotten_is_forgotten(files: Callable[..., Path]):
    shared = {"text": grown("books")["forget"][0]["text"]}
    folder = files("retain", lambda rows: [shared, *rows[1:]])
    data = load("muse:corpus=books", folder)
    assert (len(data["forget"]), len(data["retain"])) == (4, 11)


@pytest.mark.parametrize("fold", ["none", "sust-1"])
def test_the_hubs_configurations_are_read_at_one_commit(
    fold: str, fake_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    fake_hub.commits["muse-bench/MUSE-News"] = COMMIT
    parts = muse_layout("news", fold).parts
    for name, rows in grown("news", fold).items():
        hub = parts[name].hub
        fake_hub.rows["muse-bench/MUSE-News", hub.config, hub.split] = rows
    data = load(f"muse:fold={fold}", "hub")
    assert (data.origin.source, data.origin.revision) == ("hub", COMMIT)
    assert len(data["forget"]) == 889
    assert {item[1:] for item in fake_hub.asked} == {
        ("muse-bench/MUSE-News", "None"),
        ("muse-bench/MUSE-News", COMMIT),
    }
    assert load(f"muse:fold={fold}", "auto").origin.source == "cache"
