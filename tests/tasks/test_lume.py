"""LUME's own files, the stand-in of their shape, and what is refused of files that are not."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, TaskData, UsageError
from unharness.data.named_task import make_task
from unharness.evaluation.columns import resolve_columns
from unharness.registry import registry
from unharness_tasks.lume.standin import lume_standin

SIZES = {
    "forget_task1_completion": 243,
    "forget_task1_qa": 243,
    "forget_task2_completion": 250,
    "forget_task2_qa": 1250,
    "forget_task3_completion": 373,
    "forget_task3_qa": 373,
    "retain_task1_completion": 246,
    "retain_task1_qa": 246,
    "retain_task2_completion": 250,
    "retain_task2_qa": 1250,
    "retain_task3_completion": 371,
    "retain_task3_qa": 371,
}


def load(source: str | Path, name: str = "lume") -> TaskData:
    return make_task(name, registry()).load(DataSource(str(source)))


def test_tasks_are_read_from_the_name():
    for text, name in (
        ("lume", "lume"),
        ("lume:tasks=321", "lume"),
        ("lume:tasks=2,1", "lume:tasks=12"),
        ("lume:tasks=[1, 2]", "lume:tasks=12"),
    ):
        assert make_task(text, registry()).full_name == name
    for wrong in ("4", "0", "true", "1.5", "stories"):
        with pytest.raises(UsageError, match="expected some of 1, 2 and 3"):
            make_task(f"lume:tasks={wrong}", registry())


def test_personal_data_alone_has_a_recipe_of_its_own():
    both = [make_task(name, registry()) for name in ("lume", "lume:tasks=2")]
    assert [task.target_recipe("tiny").epochs for task in both] == [16, 40]
    assert [task.tuned_recipe("tiny", "lora").epochs for task in both] == [16, 40]
    assert both[0].target_recipe("micro") == both[1].target_recipe("micro")


def test_the_real_data_is_whole(benchmark_data: Callable[[str], Path]):
    root = benchmark_data("lume")
    data = load(root)
    assert data.sizes() == SIZES
    for name, split in data.splits.items():
        assert split.kind == name.rpartition("_")[2]
        assert (split.learned, split.trainable, split.evaluated) == (True, True, True)
    documents = Counter(row.group for split in data.splits.values() for row in split.examples)
    assert Counter(documents.values()) == {2: 866 + 867 - 500, 6: 500}
    assert not any('"' in row.id for split in data.splits.values() for row in split.examples)
    # A text that was cut at a space goes on after it.
    assert all(row.answer[0] == " " for row in data["forget_task1_completion"])
    part = load(root, "lume:tasks=2")
    assert part.sizes() == {name: n for name, n in SIZES.items() if "task2" in name}


def test_tuning_forgets_other_documents(benchmark_data: Callable[[str], Path]):
    task = make_task("lume", registry())
    for source in ("standin", benchmark_data("lume")):
        data = task.load(DataSource(str(source)))
        tuned = task.validation_splits(data)
        forget = {row.group for split in data.with_role("forget") for row in split.examples}
        chosen = {row.group for split in tuned.with_role("forget") for row in split.examples}
        kept = {row.group for split in tuned.with_role("retain") for row in split.examples}
        assert chosen
        assert kept
        assert not forget & (chosen | kept)
        assert not chosen & kept


def test_the_standin_has_the_shape_of_the_real_data():
    data = load("standin")
    sizes = data.sizes()
    assert sizes.pop("holdout") == 24
    assert {name: 5 if name.endswith("task2_qa") else 1 for name in SIZES} == {
        name: count // 8 for name, count in sizes.items()
    }
    assert lume_standin() == lume_standin(seed=0)
    assert lume_standin() != lume_standin(seed=1)
    # Another hash means other data: raise the generator's VERSION.
    assert data.content_hash() == STANDIN_HASH


STANDIN_HASH = "2a203826346b27c51062c71fa73f8f85d391027c4a6f85bfcf15db5cc48acb2b"


def test_the_score_is_of_the_tasks_that_are_read():
    task = make_task("lume:tasks=2", registry())
    for source, membership in (("standin", True), ("files", False)):
        data = task.load(DataSource("standin"))
        splits = {one.name: one for one in data.evaluated()}
        if source == "files":
            del splits["holdout"]
        found = {one.label: one for one in resolve_columns(task.metrics, splits, registry())}
        assert len(found["task_aggregate"].of) == 4
        assert all("task2" in label for label in found["task_aggregate"].of)
        assert ("semeval_score" in found) == membership
    whole = {one.name: one for one in load("standin").evaluated()}
    found = {one.label: one for one in resolve_columns(task.metrics, whole, registry())}
    assert len(found["task_aggregate"].of) == 12


def test_the_attack_of_the_score_is_on_the_loss():
    task = make_task("lume", registry())
    uses = [use for use in task.metrics if getattr(use, "metric", "") == "attack_balance"]
    assert [use.params["attack"] for use in uses] == ["loss"] * 3
    splits = {one.name: one for one in load("standin").evaluated()}
    found = {one.label: one for one in resolve_columns(task.metrics, splits, registry())}
    for use in uses:
        assert found[use.label].metric.params.attack == "loss"


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """files(change) -> a folder as LUME's, in which the first row of the forget set was changed."""

    def make(**changes: Any) -> Path:
        for name, count in (("forget", 2732), ("retain", 2734)):
            rows = [
                {"id": f"{name}{n}qa0", "input": f"{name} {n}?", "output": "Yes", "task": "Task3"}
                for n in range(count)
            ]
            if name == "forget":
                first = {key: value for key, value in (rows[0] | changes).items() if value != ...}
                rows = [first, *rows[1:]] if changes.get("rows") is None else rows[:2731]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 2731}, "forget.jsonl: holds 2731 rows; expected 2732; take forget.jsonl"),
        ({"output": ...}, "forget.jsonl: item 0: no 'output'; expected 'id' and 'input'"),
        ({"output": " "}, "item 0: 'output' is empty"),
        ({"id": "7a1e"}, "item 0: the id '7a1e' ends in neither sc<number>"),
        ({"task": "Task4"}, "item 0: 'task' is 'Task4'; expected Task1, Task2 or Task3"),
        ({"input": "retain 5?"}, "nothing can be both to forget and to retain"),
    ],
)
def test_files_that_are_not_lumes_are_refused(
    changes: dict[str, Any], words: str, files: Callable[..., Path]
):
    with pytest.raises(DataError, match=words):
        load(files(**changes), "lume:tasks=3")


def test_texts_in_other_scripts_are_read(files: Callable[..., Path]):
    folder = files(input="Где родился Нильс?", output="В Оррине")
    assert load(folder, "lume:tasks=3")["forget_task3_qa"][0].answer == "В Оррине"
    with pytest.raises(DataError, match="no split with role 'forget'"):
        load(folder, "lume:tasks=1").require_forget_split()


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_answer_is_read(empty: Any, files: Callable[..., Path]):
    assert load(files(output=empty), "lume:tasks=3")["forget_task3_qa"][0].answer == ""
    folder = files(id="forget0sc1", output=empty)
    assert load(folder, "lume:tasks=3")["forget_task3_completion"][0].answer == ""


def test_it_is_not_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"lume is not on the hub; take forget.jsonl and .*github"):
        load("hub")
    assert load("auto").origin.fallback == "lume is not on the hub"
