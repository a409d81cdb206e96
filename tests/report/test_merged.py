"""Records of others: verified, marked, and refused with the reason."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from unharness.errors import UsageError
from unharness.records.merged import MergedStore, named_folders
from unharness.records.store import RecordStore, StoredRecord
from unharness.report.build import build_board
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.html.page import to_html

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
MODEL = Path("knowundo-privacy") / "tiny"


def copied(target: Path, *methods: str, runs: int = 2) -> Path:
    """Copies of published records."""
    for method in methods:
        for source in sorted((PUBLISHED / MODEL / method).iterdir())[:runs]:
            shutil.copytree(source, target / source.relative_to(PUBLISHED))
    return target


@pytest.fixture
def ours(tmp_path):
    return copied(tmp_path / "ours", "vanilla", "kl", runs=1)


@pytest.fixture
def theirs(tmp_path):
    return copied(tmp_path / "theirs", "vanilla", "memflex", runs=1)


def rows(board):
    return [(row.method, row.origin) for group in board.groups for row in group.rows]


def test_rows_of_others_stand_beside_ours_and_are_marked(ours, theirs):
    store = MergedStore(ours, {"lab-a": theirs})
    board = build_board(store)
    found = rows(board)
    assert ("kl", "") in found
    assert ("memflex", "lab-a") in found
    assert ("vanilla", "") in found
    assert ("vanilla", "lab-a") not in found  # the same run: ours counts, once
    assert any("would count twice" in text for text in board.warnings)
    values = {row["method"]: row["origin"] for row in json.loads(to_json(board))}
    assert values["memflex"] == "lab-a"
    assert values["kl"] is None
    cells = {row["method"]: row["origin"] for row in csv.DictReader(io.StringIO(to_csv(board)))}
    assert (cells["memflex"], cells["kl"]) == ("lab-a", "")
    text = to_markdown(board)
    assert "memflex (tuned, 8 trials, from lab-a)" in text
    assert "Rows from lab-a are records of others" in text
    page = to_html(board, store)
    assert '"origin":"lab-a"' in page
    assert store.paths() == RecordStore(ours).paths()  # what is written is ours alone


def test_runs_of_others_are_never_averaged_with_ours(tmp_path):
    first = copied(tmp_path / "a", "kl", runs=1)
    both = copied(tmp_path / "b", "kl", runs=2)
    board = build_board(MergedStore(first, {"b": both}))
    found = [row for group in board.groups for row in group.rows]
    assert sorted((row.origin, len(row.runs)) for row in found) == [("", 1), ("b", 1)]


def digest(folder: Path) -> None:
    [path] = folder.glob("per-example-*.npz")
    path.write_bytes(path.read_bytes() + b"x")


def spec(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"batch_size": 16', '"batch_size": 17'))


def numbers(folder: Path) -> None:
    path = folder / "run.json"
    content = json.loads(path.read_text())
    for one in content["evaluations"].values():
        del one["artifacts"]["per_example"]
    path.write_text(json.dumps(content))


def lost(folder: Path) -> None:
    [path] = folder.glob("per-example-*.npz")
    path.unlink()


REFUSED = {
    digest: "bytes instead of",
    spec: "its spec was changed",
    numbers: "unverifiable, it names no numbers",
    lost: "is missing",
}


@pytest.mark.parametrize("tamper", REFUSED, ids=lambda one: one.__name__)
def test_what_is_no_longer_what_it_names_is_refused_in_one_line(tamper, ours, theirs):
    [folder] = (theirs / MODEL / "memflex").iterdir()
    tamper(folder)
    store = MergedStore(ours, {"theirs": theirs})
    board = build_board(store)
    assert not any(method == "memflex" for method, _ in rows(board))
    [line] = [text for text in board.warnings if REFUSED[tamper] in text]
    assert line.startswith("skipped from theirs: ")
    assert str(folder) in line
    assert "\n" not in line


def test_the_command_refuses_in_one_line_and_shows_the_rest(main_here, ours, theirs):
    [folder] = (theirs / MODEL / "vanilla").iterdir()
    digest(folder)
    words = ("--results", ours, "--merge", f"lab-a={theirs}", "--format", "json")
    code, out, err = main_here("leaderboard", *words)
    assert code == 0
    assert {row["method"]: row["origin"] for row in json.loads(out)} == {
        "vanilla": None,
        "kl": None,
        "memflex": "lab-a",
    }
    [line] = err.splitlines()
    assert line.startswith("warning: skipped from lab-a: ")
    code, _, err = main_here("leaderboard", "--results", ours, "--merge", ours / "missing")
    assert code == 2
    assert "no such folder" in err


def test_folders_get_names(tmp_path):
    for name in ("a", "b c", "x=y"):
        (tmp_path / name).mkdir()
    found = named_folders([f"mine={tmp_path / 'a'}", str(tmp_path / "b c"), str(tmp_path / "x=y")])
    assert list(found) == ["mine", "b-c", "x-y"]
    with pytest.raises(UsageError, match="no such folder"):
        named_folders([str(tmp_path / "missing")])
    with pytest.raises(UsageError, match="is no name"):
        named_folders([f"../up={tmp_path / 'a'}"])
    with pytest.raises(UsageError, match="two folders are called a"):
        named_folders([str(tmp_path / "a"), f"a={tmp_path / 'b c'}"])


def test_without_others_it_is_the_folder_itself(ours):
    one, other = list(MergedStore(ours, {}).scan()), list(RecordStore(ours).scan())
    assert all(isinstance(item, StoredRecord) for item in one)
    assert one == other
