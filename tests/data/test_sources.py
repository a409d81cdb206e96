"""Where data comes from: the order of the places, and that what was asked for never falls back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from unharness import DataSource, HubDataset, PairsLayout, Split, StandIn
from unharness.errors import DataError, UsageError
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

FILES = {
    "forget_train": "ft.json",
    "forget_eval": "fe.json",
    "retain_train": "rt.json",
    "retain_eval": "re.json",
}
SMALL = PairsLayout(
    splits=[Split(name, "forget" if "forget" in name else "retain") for name in FILES],
    folder="family/small",
    files=FILES,
    prompt_key="text",
    answer_key="labels",
    hub=HubDataset(
        "org/small",
        "cfg",
        {
            "forget_train": ("unlearn", "train"),
            "forget_eval": ("unlearn", "val"),
            "retain_train": ("retention", "train"),
            "retain_eval": ("retention", "val"),
        },
    ),
    standin=StandIn(
        make=lambda: {
            split: [{"prompt": f"stand-in {split}?", "answer": "Made up.", "kind": "k"}]
            for split in FILES
        },
        description="made by a test",
    ),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of each test's own: some of them put data there."""
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def unreachable(fake_hub: Any) -> None:
    fake_hub.error = httpx.ConnectError("Name or service not known")


@pytest.fixture
def reachable(fake_hub: Any) -> Any:
    """A hub that has the dataset; a row holds a list of pairs under each half."""
    fake_hub.commits["org/small"] = COMMIT
    for split in ("unlearn", "retention"):
        row = {half: _items(f"hub {split} {half}") for half in ("train", "val")}
        fake_hub.rows["org/small", split] = [row]
    return fake_hub


def _items(name: str) -> list[dict[str, str]]:
    return [{"text": f"{name} {n}?", "labels": f"Answer é {n}."} for n in range(3)]


def _write(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, file in FILES.items():
        (folder / file).write_text(json.dumps(_items(f"{name} {split}")))
    return folder


def _first(source: str = "auto", layout: PairsLayout = SMALL) -> tuple[str, str]:
    data = DataSource(source).load(layout)
    return data.origin.source, data["forget_train"][0].prompt


def test_the_order_of_places(
    tmp_path: Path, cache: Path, reachable: Any, monkeypatch: pytest.MonkeyPatch
):
    """path beats UNHARNESS_DATA beats the cache beats the hub beats the stand-in."""
    given = _write(tmp_path / "given" / "family" / "small", "given").parents[1]
    named = _write(tmp_path / "named" / "family" / "small", "named").parents[1]
    cached = _write(cache / "data" / "family" / "small", "cached")
    monkeypatch.setenv("UNHARNESS_DATA", str(named))
    assert _first(str(given)) == ("path", "given forget_train 0?")
    assert _first() == ("path", "named forget_train 0?")
    monkeypatch.delenv("UNHARNESS_DATA")
    assert _first() == ("cache", "cached forget_train 0?")
    assert reachable.asked == []
    shutil.rmtree(cached)
    assert _first() == ("hub", "hub unlearn train 0?")
    shutil.rmtree(cached)  # the hub's data was kept there
    reachable.error = httpx.ConnectError("Name or service not known")
    assert _first() == ("standin", "stand-in forget_train?")


OUT_OF_REACH = {
    "no network": httpx.ConnectError("Name or service not known"),
    "slow network": httpx.ConnectTimeout("timed out"),
    "a proxy": httpx.ProxyError("403 Forbidden"),
    "of datasets": ConnectionError("Couldn't reach 'org/small' on the Hub"),
}


@pytest.mark.parametrize("error", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_only_out_of_reach_falls_back_and_says_why(fake_hub: Any, error: Exception):
    fake_hub.error = error
    origin = DataSource().load(SMALL).origin
    assert origin.source == "standin"
    assert type(error).__name__ in origin.fallback
    assert "cannot be reached" in origin.fallback


def test_a_hub_that_is_down_is_out_of_reach(fake_hub: Any, hub_answer: Any):
    fake_hub.error = hub_answer(503)
    assert "503" in DataSource().load(SMALL).origin.fallback


def test_offline_by_wish_is_out_of_reach(reachable: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in DataSource().load(SMALL).origin.fallback
    assert reachable.asked == []
    assert DataSource("standin").load(SMALL).origin.fallback == ""  # asked for: no fallback


def test_what_the_hub_refuses_is_an_error(fake_hub: Any, hub_answer: Any):
    with pytest.raises(DataError, match="hub dataset org/small: .*RepositoryNotFoundError"):
        _first()
    fake_hub.error = hub_answer(403)
    with pytest.raises(DataError, match="403"):
        _first()


MALFORMED: dict[str, tuple[list[Any], str]] = {
    "no answer": ([{"train": _items("x"), "val": [{"text": "q"}]}], "item 0: no 'labels'"),
    "a missing column": ([{"train": _items("x")}], "no column 'val'"),
    "no list": ([{"train": _items("x"), "val": "text"}], "'val' is a string"),
    "nothing": ([{"train": _items("x"), "val": None}], "'val' is null"),
    "no rows": ([], "no rows"),
    "a repeat": ([{"train": _items("x"), "val": _items("x")}], "repeats item 0"),
}


@pytest.mark.parametrize("source", ["auto", "hub"])
@pytest.mark.parametrize(("rows", "words"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_hub_data_is_an_error_and_is_not_kept(
    source: str, rows: list[Any], words: str, reachable: Any, cache: Path
):
    reachable.rows["org/small", "unlearn"] = rows
    with pytest.raises(DataError, match=words):
        _first(source)
    assert not (cache / "data").exists()


def test_all_of_a_dataset_is_of_one_commit_which_is_recorded(reachable: Any, cache: Path):
    origin = DataSource("hub").load(SMALL).origin
    assert origin.revision == COMMIT
    assert {item[2] for item in reachable.asked if item[0] == "rows"} == {COMMIT}
    kept = DataSource().load(SMALL).origin
    assert (kept.source, kept.revision) == ("cache", COMMIT)


def test_a_revision_may_be_asked_for(reachable: Any):
    reachable.commits["org/small@v1"] = other = "1" * 40
    assert DataSource("hub@v1").load(SMALL).origin.revision == other
    assert DataSource(f"hub@{other}").load(SMALL).origin.revision == other
    with pytest.raises(DataError, match="org/small"):
        DataSource("hub@v2").load(SMALL)
    with pytest.raises(UsageError, match="hub@REVISION"):
        DataSource("hub@").load(SMALL)


def test_data_for_other_tasks_alone_is_passed_over(
    tmp_path: Path, unreachable: None, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "named" / "other" / "task").mkdir(parents=True)
    monkeypatch.setenv("UNHARNESS_DATA", str(tmp_path / "named"))
    assert _first()[0] == "standin"


def test_a_named_folder_that_is_missing_is_an_error(
    tmp_path: Path, unreachable: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match="UNHARNESS_DATA=.*typo: no such folder"):
        _first()
    assert _first("standin")[0] == "standin"  # it was not asked for


def test_what_was_asked_for_never_falls_back(
    tmp_path: Path, cache: Path, unreachable: None, monkeypatch: pytest.MonkeyPatch
):
    _write(cache / "data" / "family" / "small", "cached")
    monkeypatch.setenv("UNHARNESS_DATA", str(_write(tmp_path / "named", "named")))
    with pytest.raises(DataError, match="cannot be reached .*give --data FOLDER"):
        _first("hub")
    with pytest.raises(DataError, match="typo: no such folder; expected family/small/ with ft"):
        _first(str(tmp_path / "typo"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: holds no family/small/; expected in it ft.json"):
        _first(str(tmp_path / "empty"))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: no such folder"):
        _first(str(tmp_path / "file"))
    assert _first("standin") == ("standin", "stand-in forget_train?")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_source_is_refused(empty: str):
    with pytest.raises(UsageError, match="--data is empty"):
        _first(empty)


@pytest.mark.parametrize("missing", FILES.values())
@pytest.mark.parametrize("place", ["path", "variable", "cache"])
def test_one_of_four_files_missing_is_an_error_everywhere(
    missing: str,
    place: str,
    tmp_path: Path,
    cache: Path,
    unreachable: None,
    monkeypatch: pytest.MonkeyPatch,
):
    root = cache / "data" if place == "cache" else tmp_path / "root"
    folder = _write(root / "family" / "small", "x")
    (folder / missing).unlink()
    if place == "variable":
        monkeypatch.setenv("UNHARNESS_DATA", str(root))
    with pytest.raises(DataError) as caught:
        _first(str(root) if place == "path" else "auto")
    assert str(caught.value).startswith(f"{folder / missing}: no such file")


def test_both_layouts_of_a_folder(tmp_path: Path):
    folder = _write(tmp_path / "root" / "family" / "small", "x")
    whole, direct = DataSource(str(tmp_path / "root")), DataSource(str(folder))
    assert whole.load(SMALL).content_hash() == direct.load(SMALL).content_hash()
    assert whole.load(SMALL).origin.description == str(folder)
    assert direct.load(SMALL).origin.files["retain_eval"] == str(folder / "re.json")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _write(tmp_path / "mine", "x")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _first("~/mine")[0] == "path"
    monkeypatch.setenv("UNHARNESS_DATA", "~/mine")
    assert _first()[0] == "path"


def test_errors_name_the_file_and_the_index(tmp_path: Path):
    folder = _write(tmp_path / "root", "x")
    rows = json.loads((folder / "ft.json").read_text())
    overlap = [*json.loads((folder / "re.json").read_text()), rows[1]]
    (folder / "re.json").write_text(json.dumps(overlap))
    with pytest.raises(DataError) as caught:
        _first(str(folder))
    place = f"{folder / 're.json'}: item 3 repeats item 1 of {folder / 'ft.json'}"
    assert str(caught.value).startswith(place)
    (folder / "re.json").write_text(json.dumps([overlap[0], {"text": "q"}]))
    with pytest.raises(DataError, match="re.json: item 1: no 'labels'"):
        _first(str(folder))


def test_what_the_hub_gives_is_kept_and_stays_the_same(cache: Path, reachable: Any):
    fetched = DataSource("hub").load(SMALL)
    assert fetched.origin.source == "hub"
    assert fetched.sizes() == dict.fromkeys(FILES, 3)
    assert fetched["retain_eval"][2].prompt == "hub retention val 2?"
    questions = len(reachable.asked)
    kept = cache / "data" / "family" / "small"
    assert {path.name for path in kept.iterdir()} >= set(FILES.values())
    assert list(kept.parent.iterdir()) == [kept]  # no scratch folder is left
    again = DataSource().load(SMALL)
    assert again.origin.source == "cache"
    assert again.content_hash() == fetched.content_hash()
    assert len(reachable.asked) == questions
    # Asked for by name, the hub is asked again.
    assert DataSource("hub").load(SMALL).origin.source == "hub"
    assert len(reachable.asked) > questions


def test_the_hubs_rows_may_come_in_any_nesting(tmp_path: Path):
    """What `datasets` makes of the real files: a column of lists of structs."""
    from datasets import Dataset

    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"train": _items("a"), "val": _items("b")}]))
    row = dict(Dataset.from_json(str(path), cache_dir=str(tmp_path / "arrow"))[0])
    assert list(row["train"]) == _items("a")


@pytest.fixture
def load_real(real_data: Path) -> Callable[[Path], Any]:
    return lambda root: KnowUnDoPrivacy().load(DataSource(str(root)))


def test_the_real_data_is_whole(real_data: Path, load_real: Any, tmp_path: Path):
    data = load_real(real_data)
    assert data.sizes() == {
        "forget_train": 400,
        "forget_eval": 110,
        "retain_train": 441,
        "retain_eval": 108,
    }
    # The typo of the source stands as it is.
    assert any("andfthe" in row.answer for row in data["forget_train"])
    moved = tmp_path / "elsewhere"
    shutil.copytree(real_data / KnowUnDoPrivacy.layout.folder, moved)
    assert load_real(moved).content_hash() == data.content_hash()
    assert data.limited(8).sizes() == dict.fromkeys(FILES, 8)


def test_the_standin_has_the_real_datas_shape(load_real: Any, real_data: Path):
    made = KnowUnDoPrivacy().load(DataSource("standin"))
    assert made.sizes() == load_real(real_data).sizes()
    assert made.content_hash() != load_real(real_data).content_hash()
    assert "stand-in" in made.origin.description
