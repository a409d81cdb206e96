"""Data of any shape: parts that are joined, row counts, JSON lines, several configurations."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unharness import (
    DataLayout,
    DataPart,
    DataSource,
    Example,
    HubRows,
    Split,
    StandIn,
)
from unharness.data.json_rows import data_rows
from unharness.data.layout import Rows
from unharness.errors import DataError

COMMIT = "c0ffee" + "0" * 34
FACTS = [{"q": f"Q{n}?", "a": f"A{n}.", "doc": n // 2} for n in range(4)]
WRONG = [{"q": f"Q{n}?", "wrong": [f"W{n}.", f"V{n}."]} for n in range(4)]


def joined(rows: Rows) -> dict[str, list[Example]]:
    """Facts with their wrong answers: the first two to forget, the others to retain."""
    examples = []
    for fact, wrong in zip(rows["facts"], rows["wrong"], strict=True):
        if fact.text("q") != wrong.text("q"):
            raise wrong.error(f"asks something else than {fact.place}")
        examples.append(
            Example(
                f"facts/{fact.index}",
                fact.text("q"),
                fact.text("a"),
                group=str(fact.number("doc", below=9)),
                alternatives={"perturbed": wrong.texts("wrong", at_least=2)},
            )
        )
    return {"forget": examples[:2], "retain": examples[2:]}


def layout(part: str = "") -> DataLayout:
    return DataLayout(
        splits=[Split("forget", "forget"), Split("retain", "retain")],
        folder="family/facts",
        parts={
            "facts": DataPart("facts.json", HubRows(f"facts{part}"), ("q", "a"), rows=4),
            "wrong": DataPart(
                "more/wrong.jsonl",
                HubRows(f"wrong{part}", "test"),
                rows=4,
                otherwise="a file of 3 rows is another benchmark's",
            ),
        },
        repository="org/facts",
        examples=joined,
        standin=StandIn(lambda: {"facts": FACTS[:3], "wrong": WRONG[:3]}, "three facts"),
        kept=f"family/facts{part}" if part else "",
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def write(
    folder: Path, facts: list[Any] = FACTS, wrong: list[Any] = WRONG, lines: bool = True
) -> Path:
    """A list in one file; lines, or another list, in the other."""
    (folder / "more").mkdir(parents=True)
    (folder / "facts.json").write_text(json.dumps(facts))
    text = "\n".join(map(json.dumps, wrong)) if lines else json.dumps(wrong)
    (folder / "more" / "wrong.jsonl").write_text(text)
    return folder


def test_parts_are_joined_from_files_lines_and_lists_alike(tmp_path: Path):
    data = DataSource(str(write(tmp_path / "lines"))).load(layout())
    assert data.sizes() == {"forget": 2, "retain": 2}
    assert data["retain"][1] == Example(
        "facts/3", "Q3?", "A3.", "1", alternatives={"perturbed": ("W3.", "V3.")}
    )
    other = DataSource(str(write(tmp_path / "list", lines=False))).load(layout())
    assert other.content_hash() == data.content_hash()
    standin = DataSource("standin").load(layout())
    assert standin.sizes() == {"forget": 2, "retain": 1}  # fewer rows than files must have


BAD: dict[str, tuple[list[Any], list[Any], str]] = {
    "count": (FACTS, WRONG[:3], r"wrong.jsonl: holds 3 rows; expected 4; a file of 3 rows is ano"),
    "count alone": (FACTS[:1], WRONG, r"facts.json: holds 1 rows; expected 4$"),
    "order": (FACTS, WRONG[::-1], r"wrong.jsonl: item 0: asks something else than .*facts.json: i"),
    "no key": ([{}, *FACTS[1:]], WRONG, r"facts.json: item 0: no 'q'; expected 'q' and 'a'"),
    "no list": (FACTS, [*WRONG[:3], {"q": "Q3?", "wrong": "W"}], r"item 3: 'wrong' is a string"),
    "too few": (FACTS, [*WRONG[:3], {"q": "Q3?", "wrong": ["W"]}], r"'wrong' holds 1; expected 2"),
    "blank": (FACTS, [{"q": "Q0?", "wrong": ["W", " "]}, *WRONG[1:]], r"'wrong'\[1\] is empty"),
    "no number": ([FACTS[0] | {"doc": "1"}, *FACTS[1:]], WRONG, r"'doc' is '1'; expected a number"),
    "too large": ([FACTS[0] | {"doc": 9}, *FACTS[1:]], WRONG, r"'doc' is 9; expected a number fr"),
    "boolean": ([FACTS[0] | {"doc": True}, *FACTS[1:]], WRONG, r"'doc' is True"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named_with_file_and_item(case: str, tmp_path: Path):
    facts, wrong, words = BAD[case]
    with pytest.raises(DataError, match=words):
        DataSource(str(write(tmp_path / "data", facts, wrong))).load(layout())


def test_a_text_may_be_missing_where_that_is_allowed():
    [row] = data_rows([{"a": "x", "b": "", "c": None, "d": " ", "e": 3}], "file")
    assert [row.optional_text(key) for key in "abcz"] == ["x", "", "", ""]
    for key, words in (("d", "'d' is empty"), ("e", "'e' is a number; expected a string")):
        with pytest.raises(DataError, match=f"file: item 0: {words}"):
            row.optional_text(key)


@pytest.fixture
def hub(fake_hub: Any) -> Any:
    fake_hub.commits["org/facts"] = COMMIT
    for part in ("", "-b"):
        fake_hub.rows["org/facts", f"facts{part}", "train"] = FACTS
        fake_hub.rows["org/facts", f"wrong{part}", "test"] = WRONG
    return fake_hub


def test_several_configurations_of_one_commit_are_kept(hub: Any, cache: Path):
    fetched = DataSource("hub").load(layout())
    assert fetched.origin.revision == COMMIT
    assert {item[2] for item in hub.asked if item[0] == "rows"} == {COMMIT}
    questions = len(hub.asked)
    kept = DataSource().load(layout())
    assert (kept.origin.source, kept.origin.revision) == ("cache", COMMIT)
    assert kept.content_hash() == fetched.content_hash()
    assert len(hub.asked) == questions


def test_parts_of_other_parameters_are_kept_apart(hub: Any, cache: Path):
    assert DataSource().load(layout("-b")).origin.source == "hub"
    assert (cache / "family" / "facts-b" / "more" / "wrong.jsonl").is_file()
    assert not (cache / "family" / "facts").exists()
    assert DataSource().load(layout()).origin.source == "hub"
    assert DataSource().load(layout("-b")).origin.source == "cache"


def test_the_hubs_rows_are_counted_and_what_is_wrong_is_not_kept(hub: Any, cache: Path):
    hub.rows["org/facts", "facts", "train"] = FACTS[:2]
    with pytest.raises(DataError, match=r"hub dataset org/facts \(facts\).* 2 rows; expected 4"):
        DataSource().load(layout())
    assert not cache.exists()


def test_an_optional_part_may_be_missing_and_so_may_its_split(tmp_path: Path, fake_hub: Any):
    def examples(rows: Rows) -> dict[str, list[Example]]:
        made = {
            name: [Example(f"{name}/{row.index}", row.text("q"), row.text("a")) for row in own]
            for name, own in rows.items()
        }
        return {name: own for name, own in made.items() if own}

    def some(repository: str) -> DataLayout:
        return DataLayout(
            splits=[Split("forget", "forget"), Split("retain", "retain"), Split("more", "holdout")],
            folder="some",
            parts={
                "forget": DataPart("forget.json", HubRows("forget")),
                "retain": DataPart("retain.json", HubRows("all", repository="org/others")),
                "more": DataPart("more.json", optional=True),
            },
            repository=repository,
            examples=examples,
            standin=StandIn(lambda: {"forget": FACTS[:2], "retain": FACTS[2:]}, "four facts"),
            elsewhere="ask org for the files",
        )

    for name, rows in (("forget", FACTS[:2]), ("retain", FACTS[2:3])):
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
    folder = DataSource(str(tmp_path))
    assert folder.load(some("org/some")).sizes() == {"forget": 2, "retain": 1}
    (tmp_path / "more.json").write_text(json.dumps(FACTS[3:]))
    assert folder.load(some("org/some")).sizes() == {"forget": 2, "retain": 1, "more": 1}
    assert DataSource("standin").load(some("org/some")).sizes() == {"forget": 2, "retain": 2}

    fake_hub.commits |= {"org/some": COMMIT, "org/others": "b" * 40}
    fake_hub.rows["org/some", "forget", "train"] = FACTS[:2]
    fake_hub.rows["org/others", "all", "train"] = FACTS[2:]
    data = DataSource("hub").load(some("org/some"))
    assert data.sizes() == {"forget": 2, "retain": 2}
    assert data.origin.revision == f"org/others@{'b' * 40}, org/some@{COMMIT}"
    assert DataSource("auto").load(some("org/some")).origin.source == "cache"
    with pytest.raises(DataError, match="some is not on the hub; ask org for the files"):
        DataSource("hub").load(some(""))


def test_data_that_is_nowhere_else_falls_back_to_the_standin_and_says_why():
    nowhere = replace(layout(), repository="")
    assert DataSource("auto").load(nowhere).origin.fallback == "family/facts is not on the hub"
