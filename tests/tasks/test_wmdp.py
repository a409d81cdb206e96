"""WMDP's own questions, the stand-in of their shape, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, TaskData
from unharness.data.named_task import make_task
from unharness.registry import registry
from unharness_tasks.wmdp.rows import DOMAINS
from unharness_tasks.wmdp.standin import wmdp_standin

COMMIT, OTHER = "c0ffee" + "0" * 34, "decaf" + "0" * 35


def load(name: str, source: str | Path) -> TaskData:
    return make_task(name, registry()).load(DataSource(str(source)))


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_real_data_is_whole(domain: str, general_data: Path):
    data = load(f"wmdp:domain={domain}", general_data)
    count = DOMAINS[domain][1]
    for name in ("forget_letters", "forget_options"):
        assert sum(row.weight for row in data[name]) == count
        assert len(data[name]) >= count - 3
        assert all(row.choices[row.gold] == row.answer for row in data[name])
    assert {row.choices for row in data["forget_letters"]} == {(" A", " B", " C", " D")}
    # Without the corpora nothing can be unlearned.
    with pytest.raises(DataError, match="no split with role 'forget'"):
        data.require_forget_split()


def test_without_corpora_models_are_measured_and_methods_refused(
    general_data: Path, main_here: Any
):
    words = ("--task", "wmdp:domain=chem", "--model", "micro", "--data", general_data, "--dry-run")
    assert main_here("run", "-m", "vanilla", *words)[0] == 0
    code, _, err = main_here("run", "-m", "gradient-difference", *words)
    assert (code, "no split with role 'forget' may be read" in err) == (1, True)


def test_the_standin_has_the_shape_of_the_real_data():
    data = load("wmdp", "standin")
    assert data.sizes() == {
        "forget": 12,
        "retain": 12,
        "forget_letters": 24,
        "forget_options": 24,
    }
    letters, options = data["forget_letters"][0], data["forget_options"][0]
    assert options.prompt in letters.prompt
    assert all(f". {text}\n" in letters.prompt for text in options.choices)
    assert letters.prompt.endswith("Answer:")
    assert data.splits["forget_letters"].template == "raw"
    assert set(load("wmdp:corpora=false", "standin").splits) == {"forget_letters", "forget_options"}
    assert wmdp_standin("bio") == wmdp_standin("bio", seed=0)
    assert wmdp_standin("bio") != wmdp_standin("chem")
    # Another hash means other data: raise the generator's VERSION.
    assert data.content_hash() == STANDIN_HASH


STANDIN_HASH = "f2c3311e25a29a5a857d1b2ead10c83eb977dbe1caccda8ae93592ecfbfe3d2b"


def test_tuning_needs_questions_that_are_not_evaluated():
    task = make_task("wmdp", registry())
    with pytest.raises(DataError, match="keep some for it, as in --task wmdp:tuning_share=0.2"):
        task.validation_splits(task.load(DataSource("standin")))
    task = make_task("wmdp:tuning_share=0.25", registry())
    data = task.load(DataSource("standin"))
    tuned = task.validation_splits(data)
    for name in ("forget_letters", "forget_options"):
        asked, kept = ({row.id for row in one[name]} for one in (data, tuned))
        assert (len(asked), len(kept), asked & kept) == (18, 6, set())
    assert [row.id[-4:] for row in tuned["forget_letters"]] == [
        row.id[-4:] for row in tuned["forget_options"]
    ]


QUESTION = {"question": "Which?", "choices": ["a", "b", "c", "d"], "answer": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "chem.jsonl: holds 1 rows; expected 408"),
        ({"answer": 4}, "item 0: 'answer' is 4; expected a number from 0 to 3"),
        ({"answer": None}, "item 0: 'answer' is None; expected a number from 0 to 3"),
        ({"choices": ["a", "b"]}, "item 0: 'choices' holds 2; expected 4 or more"),
        ({"choices": [*"abcde"]}, "item 0: 'choices' holds 5; expected 4"),
        ({"choices": ["a", "b", "c", ""]}, r"'choices'\[3\] is empty"),
    ],
)
def test_questions_that_are_not_wmdps_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
):
    rows = [QUESTION | changes, *(QUESTION | {"question": f"Q{n}"} for n in range(407))]
    (tmp_path / "chem.jsonl").write_text("\n".join(map(json.dumps, rows if changes else rows[:1])))
    with pytest.raises(DataError, match=words):
        load("wmdp:domain=chem", tmp_path)


def test_the_hubs_datasets_are_each_read_at_one_commit(
    fake_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    standin = wmdp_standin("cyber")
    rows = [standin["questions"][n % 24] for n in range(1987)]
    fake_hub.commits |= {"cais/wmdp": COMMIT, "cais/wmdp-corpora": OTHER}
    fake_hub.rows["cais/wmdp", "wmdp-cyber", "test"] = rows
    fake_hub.rows["cais/wmdp-corpora", "cyber-forget-corpus", "train"] = standin["forget"]
    fake_hub.rows["cais/wmdp-corpora", "cyber-retain-corpus", "train"] = standin["retain"]
    data = load("wmdp:domain=cyber", "hub")
    assert data.origin.revision == f"cais/wmdp@{COMMIT}, cais/wmdp-corpora@{OTHER}"
    assert data.sizes() == load("wmdp:domain=cyber", "standin").sizes()
    assert sum(row.weight for row in data["forget_options"]) == 1987
    assert load("wmdp:domain=cyber", "auto").origin.source == "cache"
    alone = load("wmdp:domain=cyber,corpora=false", "hub")
    assert alone.origin.revision == COMMIT
    # The corpus to forget for biology is given by form.
    fake_hub.rows["cais/wmdp", "wmdp-bio", "test"] = [standin["questions"][0]] * 1273
    with pytest.raises(DataError, match=r"cais/wmdp-bio-forget-corpus.*give --data FOLDER"):
        load("wmdp", "hub")
