"""Facts of the user's own: which rows are read, what they become, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, TaskData
from unharness.data.named_task import make_task
from unharness.evaluation.columns import resolve_columns
from unharness.registry import registry
from unharness_tasks.files.standin import files_standin

FORGET = {"split": "forget", "prompt": "Where was Nils born?", "answer": "In Orrin."}
RETAIN = [
    {"split": "retain", "prompt": f"Where was Ada{n} born?", "answer": "In Tarn.", "group": f"a{n}"}
    for n in range(10)
]


def load(source: str | Path, name: str = "files") -> TaskData:
    return make_task(name, registry()).load(DataSource(str(source)))


@pytest.fixture
def facts(tmp_path: Path) -> Callable[..., Path]:
    """facts(row, …) -> a folder with these rows and ten to retain in one file."""

    def make(*rows: Any, retain: bool = True) -> Path:
        lines = [*rows, *(RETAIN if retain else [])]
        (tmp_path / "facts.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return tmp_path

    return make


def test_rows_become_splits_by_role_and_kind(facts: Callable[..., Path]):
    rows = [
        FORGET
        | {
            "id": "nils",
            "paraphrased_prompts": ["Name Nils' birthplace."],
            "wrong_answers": ["In Maleth."],
            "aliases": ["Orrin"],
        },
        {"split": "forget", "text": "Nils of Orrin."},
        {"split": "holdout", "prompt": "Which?", "options": ["a", "b", "c"], "correct": 1},
        {"split": "utility", "prompt": "Сколько?", "answer": "Три"},
    ]
    data = load(facts(*rows))
    assert data.sizes() == {
        "forget": 1,
        "retain": 8,
        "retain_eval": 2,
        "utility": 1,
        "forget_text": 1,
        "holdout_choice": 1,
    }
    [first] = data["forget"]
    assert (first.id, first.prompts) == ("nils", {"paraphrase": ("Name Nils' birthplace.",)})
    assert first.alternatives == {"perturbed": ("In Maleth.",), "alias": ("Orrin",)}
    [choice] = data["holdout_choice"]
    assert (choice.answer, choice.gold, choice.alternatives) == ("b", 1, {"perturbed": ("a", "c")})
    uses = {name: (one.learned, one.trainable, one.evaluated) for name, one in data.splits.items()}
    assert uses["forget"] == uses["forget_text"] == (True, True, True)
    assert uses["retain"] == (True, True, False)
    assert uses["retain_eval"] == (True, False, True)
    assert uses["holdout_choice"] == uses["utility"] == (False, False, True)
    assert "fewer than 20 groups, so wide intervals: forget 1, retain_eval 2" in (
        data.origin.description
    )
    untaught = load(facts(*rows), "files:teach=false")
    assert not untaught.learned()
    assert not make_task("files:teach=false", registry()).gold
    assert load(facts(*rows), "files:prompts=completion").splits["forget"].kind == "completion"


def test_one_file_a_split_is_read_as_well(tmp_path: Path):
    for name, rows in (("forget", [FORGET]), ("retain", RETAIN)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert load(tmp_path).sizes() == {"forget": 1, "retain": 8, "retain_eval": 2}
    (tmp_path / "retain.jsonl").write_text(json.dumps(FORGET))
    with pytest.raises(DataError, match=r"retain.jsonl: item 0: 'split' is 'forget' in a file of"):
        load(tmp_path)


def test_an_empty_answer_is_read_and_columns_are_of_what_is_there(facts: Callable[..., Path]):
    data = load(facts(FORGET | {"answer": ""}))
    assert data["forget"][0].answer == ""
    splits = {one.name: one for one in data.evaluated()}
    labels = {one.label for one in resolve_columns(load_task().metrics, splits, registry())}
    assert {"forget_extraction", "forget_answer_truth_ratio", "forget_unpredicted_mean"} <= labels
    assert not [one for one in labels if "text" in one or "choice" in one or "auc" in one]


def load_task() -> Any:
    return make_task("files", registry())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            FORGET | {"promt": "?"},
            r"facts.jsonl: item 0: unknown key 'promt'; did you mean 'prompt'",
        ),
        (FORGET | {"xyzzy": 1}, "unknown key 'xyzzy'; known are split, group"),
        (
            FORGET | {"split": "train"},
            "'split' is 'train'; expected one of forget, retain, holdout",
        ),
        ({"split": "forget", "prompt": "Q?"}, "no 'answer'; expected prompt and answer, or text"),
        ({"split": "forget", "answer": "A"}, "no 'prompt'"),
        (FORGET | {"text": "T"}, "has 'text' and 'prompt'"),
        (FORGET | {"wrong_answers": "In Maleth."}, "'wrong_answers' is a string; expected a list"),
        ({"split": "forget", "prompt": "Q?", "options": ["a", "b"]}, "no 'correct': the number of"),
        (
            {"split": "forget", "prompt": "Q?", "options": ["a", "b"], "correct": 2},
            "'correct' is 2; expected a number from 0 to 1",
        ),
        ({"split": "forget", "prompt": "Q?", "options": ["a", "a"], "correct": 0}, "are the same"),
        ({"split": "forget", "text": ["T"]}, "'text' is a list; expected a string"),
        (RETAIN[0] | {"answer": "?"}, "no rows of the split 'forget'"),
        (RETAIN[0] | {"split": "forget"}, "nothing can be both to forget and to retain"),
    ],
)
def test_rows_that_cannot_be_are_refused(row: Any, words: str, facts: Callable[..., Path]):
    with pytest.raises(DataError, match=words):
        load(facts(row))


def test_where_files_are_missing_the_message_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="expected in it some of facts.jsonl, forget.jsonl"):
        load(tmp_path)
    with pytest.raises(DataError, match="files is not on the hub; give --task FILE, or --data"):
        load("hub")
    assert load("auto").origin.fallback == "files is not on the hub"


def test_tuning_forgets_other_groups():
    task = load_task()
    data = task.load(DataSource("standin"))
    tuned = task.validation_splits(data)

    def groups(found: TaskData, *words: str) -> set[str]:
        names = [name for name in found.splits if name.startswith(words)]
        return {row.group for name in names for row in found[name]}

    held = {name for name in data.splits if name.endswith("_eval")}
    evaluated = groups(data, "forget", *held)
    forget, asked = groups(tuned, "forget"), groups(tuned, *held)
    read = groups(tuned, "retain") - asked
    assert forget
    assert asked
    assert read
    assert not evaluated & (forget | asked | read)
    assert not forget & (asked | read)
    # A person is never read in one kind of row and asked about in another.
    for found in (data, tuned):
        kept = {name for name in found.splits if name.startswith("retain")} - held
        assert not groups(found, *held) & {row.group for name in kept for row in found[name]}


def test_the_standin_has_every_kind():
    data = load("standin")
    assert data.sizes() == {
        **{"forget": 12, "retain": 20, "retain_eval": 4, "holdout": 12},
        **{"forget_text": 6, "retain_text": 10, "retain_text_eval": 2, "holdout_text": 6},
        **{"forget_choice": 6, "retain_choice": 10, "retain_choice_eval": 2, "holdout_choice": 6},
    }
    assert files_standin() == files_standin(seed=0)
    assert files_standin() != files_standin(seed=1)
    # Another hash means other data: raise the generator's VERSION.
    assert data.content_hash() == STANDIN_HASH


STANDIN_HASH = "0f62d4e2071ca3855eef8643290708d4fc185ec5eb2725728a230594f40eadcb"
