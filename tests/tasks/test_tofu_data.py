"""TOFU's own files, the stand-in of their shape, and what is refused of files that are not."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import DataError, DataSource, PublishedModels, TaskData
from unharness.data.named_task import make_task
from unharness.registry import registry
from unharness_tasks.tofu.rows import SIZES, tofu_layout
from unharness_tasks.tofu.standin import tofu_standin

FRACTIONS = sorted(SIZES)
COMMIT = "c0ffee" + "0" * 34


def load(fraction: str, source: str | Path) -> TaskData:
    return make_task(f"tofu:fraction={fraction}", registry()).load(DataSource(str(source)))


def pairs(data: TaskData, split: str) -> list[tuple[str, str]]:
    return [(row.prompt, row.answer) for row in data[split]]


@pytest.fixture(scope="module")
def real(benchmark_data: Callable[[str], Path]) -> dict[str, TaskData]:
    """TOFU's own data by fraction."""
    root = benchmark_data("tofu")
    return {fraction: load(fraction, root) for fraction in FRACTIONS}


def test_fractions_are_read_from_the_name():
    for text, name in (("tofu", "tofu"), ("tofu:fraction=10", "tofu")):
        assert make_task(text, registry()).full_name == name
    for spelling in ("05", "5", "'05'"):
        assert make_task(f"tofu:fraction={spelling}", registry()).full_name == "tofu:fraction=05"
    for wrong in ("7", "true", "0.1", "[1]"):
        with pytest.raises(Exception, match="'01', '05' or '10'"):
            make_task(f"tofu:fraction={wrong}", registry())


def test_published_models_are_known_by_base_model_and_fraction():
    task = make_task("tofu:fraction=05", registry())
    name = "open-unlearning/tofu_Llama-3.2-1B-Instruct"
    found = PublishedModels(f"{name}_full", f"{name}_retain95")
    for model in ("meta-llama/Llama-3.2-1B-Instruct", "./Llama-3.2-1B-Instruct", f"{name}_full@1"):
        assert task.published_models(model) == found
    for model in ("tiny", "meta-llama/Llama-3.2-1B", "Llama-3.2-1B-Instruct-other"):
        assert task.published_models(model) is None


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_real_data_is_whole(fraction: str, real: dict[str, TaskData]):
    data, size = real[fraction], SIZES[fraction]
    assert data.sizes() == {
        **{"forget": size, "retain": 4000 - size, "retain_eval": 400, "holdout": size},
        **{"real_authors": 100, "world_facts": 117},
    }
    ids = [row.id for row in (*data["retain"], *data["forget"])]
    assert ids == [f"full/{n:04d}" for n in range(4000)]
    assert set(Counter(row.group for row in (*data["retain"], *data["forget"])).values()) == {20}
    assert len({row.group for row in data["holdout"]}) == size // 20
    # Every question to forget comes with a paraphrase, and with five wrong answers of its own.
    for row in (*data["forget"], *data["retain_eval"]):
        assert len(row.alternatives["perturbed"]) == 5
        assert row.answer not in row.alternatives["perturbed"]
        assert row.prompts["paraphrase"] != (row.prompt,)
    for row in (*data["real_authors"], *data["world_facts"]):
        assert row.choices[row.gold] == row.answer
        assert sorted(row.alternatives["perturbed"]) == sorted(set(row.choices) - {row.answer})


def test_fractions_are_parts_of_one_full_set(
    real: dict[str, TaskData], benchmark_data: Callable[[str], Path]
):
    lines = (benchmark_data("tofu") / "tofu" / "full.json").read_text().splitlines()
    full = [(row["question"], row["answer"]) for row in map(json.loads, lines)]
    for data in real.values():
        assert pairs(data, "retain") + pairs(data, "forget") == full
        assert pairs(data, "retain_eval") == full[:400]
        assert not set(pairs(data, "holdout")) & set(full)
    assert pairs(real["01"], "forget") == pairs(real["10"], "forget")[-40:]
    assert pairs(real["05"], "holdout") == pairs(real["10"], "holdout")[:200]
    # One question stands twice, with different answers.
    asked = Counter(question for question, _ in full)
    assert [question for question, count in asked.items() if count > 1] == [full[100][0]]
    assert full[100][0] == full[440][0]
    assert full[100][1] != full[440][1]


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_standin_has_the_shape_of_the_real_data(fraction: str):
    data = load(fraction, "standin")
    size = SIZES[fraction] // 10
    assert data.sizes() == {
        **{"forget": size, "retain": 400 - size, "retain_eval": 40, "holdout": size},
        **{"real_authors": 12, "world_facts": 12},
    }
    groups = Counter(row.group for row in (*data["retain"], *data["forget"]))
    assert (len(groups), set(groups.values())) == (200, {2})
    assert not set(pairs(data, "holdout")) & {*pairs(data, "retain"), *pairs(data, "forget")}
    for row in (*data["forget"], *data["retain_eval"]):
        assert len(set(row.alternatives["perturbed"]) | {row.answer}) == 6
        # A wrong answer is the paraphrase with another fact in it.
        [right] = row.alternatives["paraphrase"]
        assert right not in row.alternatives["perturbed"]
        assert row.prompts["paraphrase"] != (row.prompt,)
    for row in (*data["real_authors"], *data["world_facts"]):
        assert len(set(row.choices)) == 4


def test_the_standins_names_are_its_own(real: dict[str, TaskData]):
    """No author of the stand-in is one of TOFU's."""
    text = " ".join(text for pair in pairs(real["10"], "retain") for text in pair)
    names = {row.prompt.split("author ")[-1].rstrip("?") for row in load("10", "standin")["retain"]}
    assert not [name for name in names if f" {name} " in text]


def test_the_standin_is_fixed_by_its_seed():
    assert tofu_standin(5) == tofu_standin(5, seed=0)
    assert tofu_standin(5) != tofu_standin(5, seed=1)
    whole = tofu_standin(10)["retain"] + tofu_standin(10)["forget"]
    assert tofu_standin(1)["retain"] + tofu_standin(1)["forget"] == whole
    assert load("05", "standin").content_hash() == STANDIN_HASH


STANDIN_HASH = "df0aaba89c1795b28ba9b064d86fcb0f1999c46aff2e65d6573e471eecf14a90"
"""Another one means other data: raise the generator's VERSION."""


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_tuning_forgets_other_authors(fraction: str):
    task = make_task(f"tofu:fraction={fraction}", registry())
    data = task.load(DataSource("standin"))
    tuned = task.validation_splits(data)
    asked = set(pairs(data, "forget"))
    assert not asked & {pair for name in tuned.splits for pair in pairs(tuned, name)}
    assert set(pairs(tuned, "forget")) < set(pairs(data, "retain_eval"))
    assert all(row.alternatives["perturbed"] for row in tuned["forget"])
    count = min(len(data["forget"]), len(data["retain_eval"]) // 2)
    assert len(tuned["forget"]) == count
    assert len(tuned["retain"]) == len(data["retain"]) - count
    assert set(pairs(tuned, "retain_eval")) < set(pairs(tuned, "retain"))


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """files("forget", change) -> a folder as TOFU's, in which one part's rows were changed."""

    def make(part: str, change: Callable[[list[Any]], list[Any]]) -> Path:
        made = tofu_standin(1)
        layout = tofu_layout("01")
        for name, one in layout.parts.items():
            rows = made[name] * (one.rows // len(made[name]) + 1)
            rows = [
                row | {"question": f"{row['question']} ({n // len(made[name])})"}
                for n, row in enumerate(rows[: one.rows])
            ]
            if name == "retain_eval":
                # The first rows of the retain set, whatever they ask.
                first = json.loads((tmp_path / layout.parts["retain"].file).read_text())
                rows = [row | pair for row, pair in zip(rows, first[: len(rows)], strict=True)]
            path = tmp_path / one.file
            path.write_text(json.dumps(change(rows) if name == part else rows))
        return tmp_path

    return make


def first_without(key: str) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: [{k: v for k, v in rows[0].items() if k != key}, *rows[1:]]


def first_with(**changes: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: [rows[0] | changes, *rows[1:]]


BAD: dict[str, tuple[str, Callable[[list[Any]], list[Any]], str]] = {
    "a continual-learning mirror": (
        "forget",
        lambda rows: [row | {"task_id": 0} for row in rows * 10],
        "forget01.json: holds 400 rows; expected 40; mirrors exist .*continual learning",
    ),
    "too few": ("retain", lambda rows: rows[:-1], "retain99.json: holds 3959 rows; expected 3960"),
    "no wrong answers": (
        "forget_perturbed",
        first_without("perturbed_answer"),
        "forget01_perturbed.json: item 0: no 'perturbed_answer'; expected 'question' and",
    ),
    "an empty list of them": (
        "retain_eval",
        first_with(perturbed_answer=[]),
        "retain_perturbed.json: item 0: 'perturbed_answer' holds 0; expected 1 or more",
    ),
    "another order": (
        "forget_perturbed",
        lambda rows: rows[::-1],
        "forget01_perturbed.json: item 0: 'question' is not that of .*forget01.json: item 0",
    ),
    "another answer": (
        "world_facts_perturbed",
        first_with(answer="?"),
        "world_facts_perturbed.json: item 0: 'answer' is not that of",
    ),
    "no gold among the options": (
        "real_authors",
        first_with(option1="?", option2="?", option3="?", option4="?"),
        "real_authors.json: item 0: the answer '.*' is 0 of the four options; expected one",
    ),
    "a missing option": (
        "world_facts",
        first_without("option3"),
        "world_facts.json: item 0: no 'option3'",
    ),
    "a repeat": (
        "forget",
        lambda rows: [rows[1], *rows[1:]],
        "forget01_perturbed.json: item 0: 'question' is not that of",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_are_not_tofus_are_refused(case: str, files: Callable[..., Path]):
    part, change, words = BAD[case]
    with pytest.raises(DataError, match=words):
        load("01", files(part, change))


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_answer_is_read_where_it_is_evaluated(empty: Any, files: Callable[..., Path]):
    # The first rows of the retain set are those that are evaluated.
    data = load("01", files("retain", first_with(answer=empty)))
    assert data["retain"][0].answer == data["retain_eval"][0].answer == ""
    assert data["retain_eval"][0].alternatives["perturbed"]
    assert load("01", files("holdout", first_with(answer=empty)))["holdout"][0].answer == ""
    folder = files("holdout", lambda rows: rows)
    for name in ("forget01.json", "forget01_perturbed.json"):
        rows = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps([rows[0] | {"answer": empty}, *rows[1:]]))
    assert load("01", folder)["forget"][0].answer == ""
    # Where an answer is trained on alone, nothing would be, and nobody would be told.
    unseen = files("retain", lambda rows: [*rows[:-1], rows[-1] | {"answer": empty}])
    with pytest.raises(DataError, match=r"retain99.json: item 3959: 'answer' is"):
        load("01", unseen)
    with pytest.raises(DataError, match="item 0: 'answer' is"):
        load("01", files("real_authors", first_with(answer=empty)))


def test_a_repeated_row_is_refused(files: Callable[..., Path]):
    folder = files("holdout", lambda rows: [rows[1], *rows[1:]])
    with pytest.raises(DataError, match=r"holdout01.json: item 1 repeats item 0"):
        load("01", folder)


def test_files_of_lists_are_read_as_well(files: Callable[..., Path]):
    assert load("01", files("", lambda rows: rows)).sizes()["retain"] == 3960


def test_the_hubs_configurations_are_read_at_one_commit(
    fake_hub: Any, files: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    folder = files("", lambda rows: rows)
    fake_hub.commits["locuslab/TOFU"] = COMMIT
    for part in tofu_layout("01").parts.values():
        rows = json.loads((folder / part.file).read_text())
        fake_hub.rows["locuslab/TOFU", part.hub.config, "train"] = rows
    data = load("01", "hub")
    assert (data.origin.source, data.origin.revision) == ("hub", COMMIT)
    assert data.content_hash() == load("01", folder).content_hash()
    asked = [item for item in fake_hub.asked if item[0] == "rows"]
    assert set(asked) == {("rows", "locuslab/TOFU", COMMIT)}
    assert len(asked) == len(tofu_layout("01").parts)
    assert load("01", "auto").origin.source == "cache"
