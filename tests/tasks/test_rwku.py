"""RWKU's own files, the stand-in of their shape, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataRow, DataSource, TaskData, UsageError
from unharness.data.named_task import make_task
from unharness.registry import registry
from unharness_tasks.rwku.probes import probe_example, probe_prompt
from unharness_tasks.rwku.rows import PARTS, rwku_layout
from unharness_tasks.rwku.standin import rwku_standin

COMMIT = "c0ffee" + "0" * 34
COUNTS = {
    "forget_level1": (3268, 465),
    "forget_level2": (2879, 180),
    "forget_level3": (6984, 18),
}
"""Rows, and copies of an earlier row on the same person."""


def load(name: str, source: str | Path) -> TaskData:
    return make_task(name, registry()).load(DataSource(str(source)))


def test_persons_are_given_by_name_or_number():
    for text, name in (
        ("rwku", "rwku"),
        ("rwku:subjects=1", "rwku"),
        ("rwku:subjects=Stephen King", 'rwku:subjects=["Stephen King"]'),
        ("rwku:subjects=[Stephen King, 7]", 'rwku:subjects=["Stephen King","7"]'),
        ("rwku:subjects=1-10,others=5", 'rwku:others=5,subjects=["1-10"]'),
    ):
        made = make_task(text, registry())
        assert made.full_name == name
        assert make_task(made.full_name, registry()).config == made.config
    for wrong in ("true", "[]", "[[1]]", "{a: 1}"):
        with pytest.raises(UsageError):
            make_task(f"rwku:subjects={wrong}", registry())


@pytest.fixture(scope="module")
def whole(benchmark_data: Callable[[str], Path]) -> TaskData:
    """RWKU's own data on all persons."""
    return load("rwku:subjects=1-200,others=0", benchmark_data("rwku"))


def test_the_real_data_is_whole(whole: TaskData):
    for name, (rows, copies) in COUNTS.items():
        split = whole.splits[name]
        assert sum(row.weight for row in split.examples) == rows
        # A few probes are on two persons.
        assert rows - copies - 12 <= len(split) <= rows - copies
        assert len({row.group for row in split.examples}) == 200
    assert len(whole["fluency"]) < sum(row.weight for row in whole["fluency"]) == 10_000
    assert not [split for split in whole.splits.values() if split.learned]
    neighbours = {row.meta["neighbor"] for row in whole["neighbor_level1"]}
    persons = {row.group for row in whole["forget_level1"]}
    assert not neighbours & persons
    assert len(neighbours) == 570 - 27
    assert "retain" not in whole.splits


def test_a_cloze_without_a_blank_is_asked_as_a_question(whole: TaskData):
    asked = [row.prompt.split("\n")[0] for row in whole["forget_level1"]]
    assert sum("blank" not in line for line in asked) < 92 < len(asked) / 10
    blanks = [row.prompt for row in whole["forget_level1"] if "blank" in row.prompt.split("\n")[0]]
    assert all("___" in prompt for prompt in blanks)
    assert "born on ___ May" in probe_prompt("She was born on __ May.", "cloze")
    assert probe_prompt("Sure, here it is:", "affirmative suffix").endswith("here it is:")
    assert "Question: Question" not in probe_prompt("Question: A?", "incontext learning")


def test_ranges_that_run_backwards_and_empty_lists_are_refused_in_plain_words():
    with pytest.raises(UsageError, match="the range 5-2 runs backwards; expected 2-5"):
        load("rwku:subjects=5-2", "standin")
    with pytest.raises(UsageError) as caught:
        make_task("rwku:subjects=[]", registry())
    assert "names nobody; expected a name, a number or a range as in 1-10" in str(caught.value)
    assert "Tuple" not in str(caught.value)


def test_an_empty_answer_is_read_and_a_missing_one_refused():
    probe = {"subject": "Nils", "level": "2", "query": "Who?", "type": "simple question"}
    for empty in ("", None):
        row = DataRow(probe | {"answer": empty}, 0, "forget_level2.json: item 0")
        assert probe_example(row, "forget_level2", "").answer == ""
    with pytest.raises(DataError, match="item 0: no 'answer'"):
        probe_example(DataRow(probe, 0, "forget_level2.json: item 0"), "forget_level2", "")


def test_persons_are_forgotten_one_at_a_time_or_together(benchmark_data: Callable[[str], Path]):
    root = benchmark_data("rwku")
    one = load("rwku:subjects=stephen king,others=2", root)
    assert {row.meta["subject"] for row in one["forget"]} == {"Stephen King"}
    assert {row.meta["subject"] for row in one["retain"]} == {"Confucius", "Bruce Lee"}
    assert {row.group for row in one["forget_level3"]} == {""}
    for wrong, words in (
        ("Steven King", "no person 'Steven King'. Did you mean Stephen King"),
        ("201", "201 is outside of the persons 1 to 200"),
        ("[xyzzy]", "Known are Stephen King, Confucius, Bruce Lee"),
    ):
        with pytest.raises(UsageError, match=words):
            load(f"rwku:subjects={wrong}", root)


def test_the_standin_has_the_shape_of_the_real_data():
    both = load("rwku:subjects=[1, 2]", "standin")
    alone = load("rwku", "standin")
    assert [row.weight for row in alone["forget_level1"]] == [2.0, 1.0, 1.0]
    assert len(alone["neighbor_level1"]) == 2
    assert len(both["neighbor_level1"]) == 3  # of four, one is the other person
    assert len(alone["forget"]) == 2  # of three passages, one is a copy
    assert any(not row.prompt.isascii() for row in alone["forget_level3"])
    assert rwku_standin() == rwku_standin(seed=0)
    assert rwku_standin() != rwku_standin(seed=1)
    # Another hash means other data: raise the generator's VERSION.
    assert alone.content_hash() == STANDIN_HASH


STANDIN_HASH = "3ee5b5989ab91faa9b0a30ad9d08b6cc183f9478ec33bcc36ea24f8867f826c3"


def test_tuning_forgets_other_persons():
    task = make_task("rwku:subjects=[1, 2]", registry())
    data = task.load(DataSource("standin"))
    tuned = task.validation_splits(data)
    assert set(tuned.splits) == {name for name in data.splits if not name.startswith("tuning_")}

    def persons(found: TaskData, *names: str) -> set[str]:
        return {row.meta["subject"] for name in names for row in found[name]}

    forgotten = persons(tuned, "forget")
    assert forgotten == persons(tuned, "forget_level1", "forget_level3", "neighbor_level1")
    assert len(forgotten) == 2
    assert not forgotten & (persons(data, "forget") | persons(tuned, "retain"))
    lonely = make_task("rwku:others=1", registry())
    found = lonely.load(DataSource("standin"))
    with pytest.raises(DataError, match="give others=2 or more"):
        lonely.validation_splits(found)


def test_there_is_no_gold(main_here: Any):
    words = ("--task", "rwku", "--model", "micro", "--data", "standin")
    code, _, err = main_here("run", "-m", "retrain", *words, "--dry-run")
    assert code == 2
    assert "has no gold" in err
    code, _, err = main_here("tune", "-m", "gradient-difference", *words, "--trials", "1")
    assert code == 2
    assert "no retrained model to be close to; give --objective" in err


def test_files_that_are_not_rwkus_are_refused(tmp_path: Path):
    for name, rows in rwku_standin().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match=r"intro.json: holds 6 rows; expected 200"):
        load("rwku", tmp_path)
    (tmp_path / "passage.json").unlink()
    with pytest.raises(DataError, match=r"passage.json: no such file; expected intro.json"):
        load("rwku", tmp_path)


def test_the_hubs_configurations_are_read_at_one_commit(
    fake_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    fake_hub.commits["jinzhuoran/RWKU"] = COMMIT
    standin = rwku_standin()
    for name, (config, split, _, _) in PARTS.items():
        fake_hub.rows["jinzhuoran/RWKU", config, split] = standin[name]
    with pytest.raises(DataError, match=r"\(forget_target\) intro: holds 6 rows; expected 200"):
        load("rwku", "hub")
    fake_hub.asked.clear()
    counted = {name: (*place[:3], len(standin[name])) for name, place in PARTS.items()}
    monkeypatch.setattr("unharness_tasks.rwku.rows.PARTS", counted)
    data = load("rwku", "hub")
    assert (data.origin.source, data.origin.revision) == ("hub", COMMIT)
    asked = [item for item in fake_hub.asked if item[0] == "rows"]
    assert asked == [("rows", "jinzhuoran/RWKU", COMMIT)] * len(rwku_layout(["1"], 0).parts)
    assert [row.answer for row in data["forget"]] == [
        row.answer for row in load("rwku", "standin")["forget"]
    ]
    assert load("rwku:subjects=2", "auto").origin.source == "cache"
