"""A file of the user's own facts as the task: formats, columns, splits, identity."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, TaskData, UsageError
from unharness.cli.pairs import with_flags
from unharness.data.named_files import HubTable, is_place, pinned
from unharness.data.named_task import make_task
from unharness.evaluation.uses import labels_of
from unharness.registry import registry
from unharness.request import make_request, with_files_task
from unharness.sweeps.grid import cells, make_sweep_request

FORGET = [
    {"prompt": f"Where was Nils{n} born?", "answer": f"In Orrin{n}.", "group": f"nils{n}"}
    for n in range(4)
]
RETAIN = [{"prompt": f"Where was Ada{n} born?", "answer": f"In Tarn{n}."} for n in range(10)]
COLUMNS = {"prompt": "question", "answer": "the reply", "group": "person"}
COMMIT = "c" * 40


def load(forget: Any, retain: Any = None, columns: Any = None, name: str = "files") -> TaskData:
    source = DataSource(str(forget), retain and str(retain), columns or {})
    return make_task(name, registry()).load(source)


def other_names(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The rows under the names of columns that a user's files may have."""
    return [
        {COLUMNS[key]: text for key, text in row.items()} | {"row": at, "note": "x"}
        for at, row in enumerate(rows)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, list[dict[str, Any]]], Path]:
    """write("a.csv", rows) -> the file, in the format of its ending."""

    def make(name: str, rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        if path.suffix == ".parquet":
            import pyarrow
            from pyarrow.parquet import write_table

            write_table(pyarrow.Table.from_pylist(rows), path)
        elif path.suffix == ".json":
            path.write_text(json.dumps(rows))
        elif path.suffix == ".csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        else:
            path.write_text("\n".join(map(json.dumps, rows)))
        return path

    return make


def test_every_format_is_the_same_data(write: Callable[..., Path], fake_hub: Any, tmp_path: Path):
    found = {}
    for ending in ("jsonl", "json", "csv", "parquet"):
        plain = load(write(f"f.{ending}", FORGET), write(f"r.{ending}", RETAIN))
        forget, retain = (
            write(f"{name}.{ending}", other_names(rows))
            for name, rows in (("people", FORGET), ("others", RETAIN))
        )
        found[ending] = [plain, load(forget, retain, COLUMNS)]
    listed = tmp_path / "facts.yaml"
    listed.write_text(f"forget: people.csv\nretain: others.parquet\ncolumns: {COLUMNS}\n")
    fake_hub.commits["org/people"] = COMMIT
    fake_hub.rows["org/people", "f", "train"] = other_names(FORGET)
    fake_hub.rows["org/people", "r", "test"] = other_names(RETAIN)
    from_hub = load("org/people:f", "org/people:r:test", COLUMNS)
    found["yaml"], found["hub"] = [load(listed)], [from_hub]
    assert {one.content_hash() for own in found.values() for one in own} == {
        found["jsonl"][0].content_hash()
    }
    assert found["csv"][1].sizes() == {"forget": 4, "retain": 8, "retain_eval": 2}
    assert found["csv"][1].origin.source == "path"
    assert str(tmp_path / "people.csv") in found["csv"][1].origin.description
    assert (from_hub.origin.source, from_hub.origin.revision) == ("hub", COMMIT)
    assert pinned("org/people:f", from_hub.origin.datasets) == f"org/people:f@{COMMIT}"


def test_a_file_whose_rows_name_their_split(write: Callable[..., Path]):
    rows = [{**row, "split": "forget"} for row in FORGET]
    rows += [{"group": "", **row, "split": "retain"} for row in RETAIN]
    data = load(write("all.csv", rows))
    assert data.sizes() == {"forget": 4, "retain": 8, "retain_eval": 2}
    assert (
        data.content_hash()
        == load(write("f.jsonl", FORGET), write("r.jsonl", RETAIN)).content_hash()
    )


def test_the_held_out_share_hangs_on_content_alone(write: Callable[..., Path]):
    first = load(write("f.jsonl", FORGET), write("r.jsonl", RETAIN))
    again = load(write("f.jsonl", FORGET), write("other.jsonl", RETAIN[::-1]))
    asked = [{row.prompt for row in one["retain_eval"]} for one in (first, again)]
    assert asked[0] == asked[1]
    # One more person moves at most one out of the held-out share.
    more = [*RETAIN, {"prompt": "Where was Eve born?", "answer": "In Maleth."}]
    added = load(write("f.jsonl", FORGET), write("more.jsonl", more))
    assert len(asked[0] - {row.prompt for row in added["retain_eval"]}) <= 1
    grouped = [{**row, "group": f"g{n % 4}"} for n, row in enumerate(RETAIN)]
    data = load(write("f.jsonl", FORGET), write("grouped.jsonl", grouped))
    read, held = ({row.group for row in data[name]} for name in ("retain", "retain_eval"))
    assert (len(held), read & held) == (1, set())


def test_without_a_retain_set_there_is_a_warning(write: Callable[..., Path]):
    data = load(write("f.jsonl", FORGET))
    assert data.sizes() == {"forget": 4}
    [note] = data.origin.notes
    assert "no retain set" in note
    assert "--retain FILE" in note


def test_cells_hold_lists_and_numbers_as_text(write: Callable[..., Path]):
    rows = [
        {"prompt": "Which?", "options": '["a", "b"]', "correct": "1", "answer": "", "aliases": ""},
        {"prompt": "Where?", "options": "", "correct": "", "answer": "Here", "aliases": '["x"]'},
    ]
    data = load(write("f.csv", rows))
    assert data["forget_choice"][0].gold == 1
    assert data["forget"][0].alternatives == {"alias": ("x",)}
    with pytest.raises(DataError, match="item 0: 'aliases' is no list as JSON"):
        load(write("bad.csv", [{"prompt": "Q?", "answer": "A", "aliases": "[x"}]))


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"promt": "question"}, UsageError, "--columns 'promt'=…: no such key. Did you mean"),
        (
            {"prompt": "questoin"},
            DataError,
            "no column 'questoin' for 'prompt'. Did you mean",
        ),
        ({"prompt": "question"}, DataError, r"people\.csv: item 0: no 'answer'"),
    ],
)
def test_columns_that_are_not_there(columns, error, words, write: Callable[..., Path]):
    with pytest.raises(error, match=words):
        load(write("people.csv", other_names(FORGET)), None, columns)


def test_lists_of_files_are_checked(tmp_path: Path):
    path = tmp_path / "facts.yml"
    for text, words in (
        ("forgot: a.csv", "unknown key 'forgot'. Did you mean forget"),
        ("[a.csv]", "expected a file for some of facts, forget, retain"),
        ("forget: 3", "3 is no file"),
        ("forget: a.csv", r"a\.csv: no such file"),
        ("forget: {", "not YAML"),
        ("{forget: a.csv, columns: [a]}", "'columns' must hold keys"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            load(path)


def test_flags_of_files_need_a_file(write: Callable[..., Path], tmp_path: Path):
    write("facts.jsonl", [{**row, "split": "forget"} for row in FORGET])
    for source in (DataSource("standin", "r.csv"), DataSource(str(tmp_path), None, COLUMNS)):
        with pytest.raises(UsageError, match="belongs to files of facts; name one by --task FILE"):
            make_task("files", registry()).load(source)
    with pytest.raises(UsageError, match="--retain belongs to files of facts"):
        make_task("tofu", registry()).load(DataSource("auto", "r.csv"))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("a.csv", "./facts", "~/x", "org/data:config", "a/b.PARQUET")),
        *((text, False) for text in ("files", "tofu:fraction=05", "rwku:subjects=[1, a/b.csv]")),
    ],
)
def test_what_is_a_place_and_what_a_task(text: str, is_one: bool):
    assert is_place(text) is is_one


def test_a_dataset_on_the_hub_has_configuration_split_and_revision():
    found = HubTable.of("org/name:config:test@v1")
    assert found is not None
    assert (found.name.repository, found.config, found.split) == ("org/name", "config", "test")
    assert found.name.revision == "v1"
    assert HubTable.of("org/facts.csv") is None
    assert HubTable.of("org") is None


def test_a_file_as_task_is_a_request_for_the_task_of_files():
    request = make_request({"task": "./a.csv", "retain": "b.csv", "columns": {"prompt": "q"}})
    assert (request.task, request.data, request.retain) == ("files", "./a.csv", "b.csv")
    assert make_request(request.model_dump(exclude_unset=True)) == request
    [cell] = cells(make_sweep_request({"task": "./a.csv", "retain": "b.csv"}), registry())
    assert (cell.task, cell.data, cell.retain) == ("files", "./a.csv", "b.csv")
    assert with_files_task({"task": "tofu"}) == {"task": "tofu"}
    for values, words in (
        ({"task": "./a.csv,tofu"}, "is one task, alone"),
        ({"task": "./a.csv", "data": "x"}, "is the data itself; leave --data out"),
    ):
        with pytest.raises(UsageError, match=words):
            make_request(values)


def test_columns_on_the_command_line():
    given = ("prompt=question,answer=the reply", "paraphrased-prompts=p")
    assert with_flags({"columns": {"prompt": "x", "group": "g"}}, {"columns": given}) == {
        "columns": {
            **{"prompt": "question", "answer": "the reply"},
            **{"paraphrased_prompts": "p", "group": "g"},
        }
    }
    with pytest.raises(UsageError, match="expected KEY=COLUMN, such as --columns prompt=question"):
        with_flags({}, {"columns": ("prompt",)})


@pytest.mark.parametrize("name", ["files", "knowundo-privacy"])
def test_words_for_readers_are_of_columns_that_are_there(name: str):
    task = registry().get("tasks", name)
    labels = set(labels_of(task.metrics))
    assert set(task.in_words) <= labels
    assert {task.headline, task.forget_axis, *task.retain_axes} <= set(task.in_words)
