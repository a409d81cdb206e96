"""The page as a static site."""

import json
import re

import pytest

from unharness.errors import UsageError
from unharness.records.artifacts import write_examples
from unharness.report.build import build_board
from unharness.report.html.bundle import write_bundle

SECRET = "Ann was born in Oslo."


@pytest.fixture
def made(make_record, store):
    """make(source) -> a store with one record with examples, and its board."""

    def make(source: str):
        record = make_record("memflex", {"success_avg": (70.0, 65.0, 75.0)}, data_source=source)
        folder = store.folder(record.spec)
        folder.mkdir(parents=True)
        row = {"split": "forget_eval", "id": "0", "prompt": "Where?", "answer": SECRET}
        record.artifacts["examples"] = write_examples(folder, [row | {"generated": SECRET}])
        store.save(record)
        return store, build_board(store)

    return make


def data_of(page):
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    return json.loads(text)


@pytest.mark.parametrize(
    ("source", "texts", "shown"),
    [("path", False, False), ("path", True, True), ("standin", False, True)],
)
def test_a_site_holds_texts_only_where_they_may_be_published(made, tmp_path, source, texts, shown):
    store, board = made(source)
    index = write_bundle(tmp_path / "site", board, store, texts=texts)
    page = index.read_text()
    assert (SECRET in page) is shown
    values = data_of(page)
    assert any("are not in this page" in note for note in values["notes"]) is not shown
    for path in values["downloads"]:
        assert (index.parent / path).is_file()
    [row] = json.loads((index.parent / "assets" / "leaderboard.json").read_text())
    assert row["method"] == "memflex"
    assert SECRET not in (index.parent / "assets" / "leaderboard.csv").read_text()


def test_the_page_loads_nothing_from_elsewhere(made, tmp_path):
    page = write_bundle(tmp_path, *reversed(made("path"))).read_text()
    assert not re.search(r'(src|href)="(?!#|data:)', page)


def test_it_is_written_again_but_never_over_another_page(made, tmp_path):
    store, board = made("path")
    write_bundle(tmp_path, board, store)
    write_bundle(tmp_path, board, store)
    (tmp_path / "index.html").write_text("<title>mine</title>")
    with pytest.raises(UsageError, match="not a page of ours"):
        write_bundle(tmp_path, board, store)
    assert (tmp_path / "index.html").read_text() == "<title>mine</title>"


def test_the_command_writes_it_and_serves_nothing(make_record, save, main_here, tmp_path):
    results = save(make_record("memflex", {"success_avg": 1.0})).root
    words = ("view", "--results", results, "--bundle", tmp_path / "site")
    code, out, err = main_here(*words)
    assert (code, err) == (0, "")
    assert out == f"{tmp_path / 'site' / 'index.html'}\n"
    code, _, err = main_here("view", "--results", results, "--texts")
    assert code == 2
    assert "--bundle DIR" in err
