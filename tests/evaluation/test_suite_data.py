"""A suite's questions from files of the user's, and a fixed sample of them, through lm-eval."""

import json
import math

import pytest

from unharness.engines.hf import HfEngine
from unharness.errors import DataError, UsageError
from unharness.evaluation.general import run_suite
from unharness.evaluation.suite_data import find_folder
from unharness.evaluation.suite_plan import plan_suite
from unharness.evaluation.suite_reach import check_reachable
from unharness.evaluation.suite_sample import chosen_questions
from unharness.models.weights import WeightsRef
from unharness.pipeline.suite_choice import find_suite
from unharness.progress import Progress
from unharness.registry import registry
from unharness.request import make_request

SIZES = {"mmlu_anatomy": 30, "mmlu_astronomy": 10, "mmlu_virology": 2}
"""Questions of each of the fixtures' subjects."""


@pytest.fixture
def plan(benchmarks, definitions):
    """plan("mmlu", limit=…) -> the plan of a suite over these files."""

    def make(text="mmlu,social_iqa", limit=None, data=benchmarks):
        found = plan_suite(text, definitions, registry())
        return found.reading(data, required=True).asking(limit)

    return make


def ask(model, tokenizer, plan):
    return run_suite(WeightsRef(model, tokenizer), plan, HfEngine(), progress=Progress())


def test_questions_come_from_the_files(plan, benchmarks):
    found = plan()
    check_reachable(found, registry())
    loaded = found.manager.load(["mmlu", "social_iqa"])
    asked = {
        name: [doc["question"] for doc in one.eval_docs] for name, one in loaded["tasks"].items()
    }
    assert {name: len(texts) for name, texts in asked.items()} == {
        "social_iqa": 20,
        **SIZES,
    }
    assert asked["mmlu_virology"] == ["virology test 0?", "virology test 1?"]
    assert loaded["groups"]["mmlu"].child_names == sorted(SIZES)


def test_the_files_content_is_part_of_the_identity_and_their_place_is_not(
    plan, benchmarks, tmp_path
):
    found = plan().identity
    assert str(tmp_path) not in json.dumps(found)
    moved = benchmarks.rename(tmp_path / "elsewhere")
    assert plan(data=moved).identity == found
    (moved / "mmlu" / "test" / "virology.jsonl").write_text('{"question": "new?"}\n')
    changed = plan(data=moved).identity
    before, after = (
        {task["name"]: task["data"] for task in one["tasks"]} for one in (found, changed)
    )
    assert before["mmlu"] != after["mmlu"]
    assert before["social_iqa"] == after["social_iqa"]


def test_without_files_and_limit_the_identity_says_nothing_of_them(definitions):
    identity = plan_suite("mmlu,social_iqa", definitions, registry()).identity
    assert "limit" not in identity
    assert not any("data" in task for task in identity["tasks"])


def test_what_lacks_is_left_to_the_hub(plan, benchmarks):
    (benchmarks / "siqa" / "validation.jsonl").unlink()
    (benchmarks / "mmlu" / "test" / "anatomy.jsonl").unlink()
    found = plan()
    assert set(found.data.files) == {"mmlu_astronomy", "mmlu_virology"}
    assert ["data" in task for task in found.identity["tasks"]] == [True, False]
    with pytest.raises(DataError, match="cannot be loaded"):
        check_reachable(found, registry())


def test_a_folder_that_holds_nothing_of_the_suite_is_refused(plan, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"--suite-data .*holds nothing.*mmlu/test"):
        plan(data=tmp_path / "empty")


def test_a_broken_file_is_told_before_any_training(plan, benchmarks):
    (benchmarks / "siqa" / "validation.jsonl").write_text('{"context": \n')
    with pytest.raises(DataError, match="its data cannot be loaded"):
        check_reachable(plan(), registry())


def test_where_the_files_are_looked_for(benchmarks, tmp_path, monkeypatch):
    root = benchmarks.parent
    monkeypatch.delenv("UNHARNESS_DATA", raising=False)
    assert find_folder("auto", "standin") is None
    assert find_folder("auto", str(root)) == benchmarks
    assert find_folder("hub", str(root)) is None
    assert find_folder(str(root), "auto") == find_folder(str(benchmarks), "auto") == benchmarks
    monkeypatch.setenv("UNHARNESS_DATA", str(root))
    assert find_folder("auto", "standin") == benchmarks
    with pytest.raises(DataError, match=r"--suite-data .*gone: no such folder"):
        find_folder(str(tmp_path / "gone"), "auto")


@pytest.mark.parametrize("by_size", [True, False])
def test_a_sample_is_the_mean_over_the_chosen_questions(
    plan, definitions, load_checkpoint, by_size
):
    """The same questions in another process, for another model; each is scored as when all are."""
    group = definitions / "mmlu.yaml"
    group.write_text(group.read_text().replace("by_size: True", f"by_size: {by_size}"))
    model, tokenizer = load_checkpoint("llama")
    found = ask(model, tokenizer, plan("mmlu", 12))
    score = found.scores["general/mmlu"]
    chosen = chosen_questions(SIZES, 12, by_size=by_size)
    assert score.n == 12 == sum(map(len, chosen.values()))
    right = {name: [] for name in chosen}
    for name, indices in chosen.items():
        for index in indices:
            right[name].append(answer(model, tokenizer, name, index) == index % 4)
    flat = [one for values in right.values() for one in values]
    means = [sum(values) / len(values) for values in right.values()]
    expected = sum(flat) / len(flat) if by_size else sum(means) / len(means)
    assert score.value == pytest.approx(100 * expected)
    share = sum(flat) / len(flat)
    if by_size:
        assert score.stderr == pytest.approx(100 * math.sqrt(share * (1 - share) / 11))
    facts = found.facts["tasks"]["mmlu"]
    assert (facts["n"], facts["n_original"]) == (12, 42)
    assert facts["chance"] == 25.0
    kept = found.numbers["general/mmlu"].columns
    assert set(kept) == {"general/mmlu", "general_avg"}
    assert list(kept["general/mmlu"]) == [100.0 * one for one in flat]
    assert found.sampled("general/mmlu") == {"questions": 12, "of_questions": 42}
    assert found.sampled("general_avg") == {"questions": 12}


def answer(model, tokenizer, name, index):
    """Return which letter the model likes best, computed without lm-eval."""
    import torch

    text = f"{name.removeprefix('mmlu_')} test {index}?\nAnswer:"
    scores = []
    for letter in "ABCD":
        context = tokenizer(text)["input_ids"]
        whole = tokenizer(f"{text} {letter}")["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([whole])).logits[0].log_softmax(-1)
        places = range(len(context), len(whole))
        scores.append(sum(float(logits[at - 1, whole[at]]) for at in places))
    return scores.index(max(scores))


@pytest.mark.parametrize("limit", [1, 2, 42, None])
def test_every_limit_works(plan, load_checkpoint, limit):
    found = ask(*load_checkpoint("llama"), plan("mmlu", limit))
    score = found.scores["general/mmlu"]
    assert score.n == (limit or 42)
    assert (score.ci95 is None) == (limit == 1)
    assert bool(found.sampled("general/mmlu")) == (limit in (1, 2))


def test_how_many_are_asked_by_default(benchmarks, definitions):
    def limit(**options):
        request = make_request(
            {"include_path": str(definitions), "suite_data": str(benchmarks), **options}
        )
        return {
            device: find_suite(request, "mmlu", device, registry()).limit
            for device in ("cpu", "cuda")
        }

    assert limit() == {"cpu": None, "cuda": None}  # a folder of one's own is no large suite
    assert limit(suite_limit=7) == {"cpu": 7, "cuda": 7}
    assert limit(limit=3) == {"cpu": 3, "cuda": 3}
    assert limit(limit=3, suite_limit="none") == {"cpu": None, "cuda": None}
    facts = make_request({"suite": "general-facts"})
    assert find_suite(facts, "none", "cpu", registry()).limit is None


@pytest.mark.parametrize("given", ["-1", "0", "many", "1.5", "", True, 2.5, "١x"])
def test_a_limit_that_is_none_is_refused(given):
    with pytest.raises(UsageError, match="suite_limit"):
        make_request({"suite_limit": given})


def test_the_command_line_refuses_it_in_one_line(main_here):
    for words in (("--suite-limit", "-3"), ("--suite-limit", "all")):
        code, out, err = main_here("run", "--data", "standin", *words)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err


def test_an_untouched_model_is_asked_on_the_command_line(
    main_here, benchmarks, definitions, tmp_path
):
    """The column says how many questions; the record says which data."""
    words = ("evaluate", "--weights", "micro", "--data", "standin", "--results", tmp_path / "r")
    words += (
        "--suite",
        "mmlu,social_iqa",
        "--include-path",
        definitions,
        "--suite-data",
        benchmarks,
    )
    words += ("--suite-limit", 12, "--limit", 2)
    code, out, err = main_here(*words, "--format", "json")
    assert code == 0, err
    [record] = json.loads(out)
    assert record["spec"]["model"] == "micro"
    assert record["metrics"]["general/mmlu"]["n"] == 12
    assert record["general"]["limit"] == 12
    assert record["general"]["data"] == str(benchmarks)
    code, out, err = main_here(*words)
    assert code == 0, err
    for text in (
        "general/mmlu (12 of 42)",
        "general/social_iqa (12 of 20)",
        "general_avg (12 each)",
    ):
        assert text in out
