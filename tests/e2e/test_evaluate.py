"""`unharness evaluate`: weights that are there already."""

import json
import shutil

import pytest

from unharness.engines.hf import HfEngine
from unharness.records.store import read_records

pytestmark = pytest.mark.slow

LIMIT = ("--limit-train", "6", "--quiet")


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def unlearn(main_here, data_folder, results, checkpoint):
    """unlearn("gradient-ascent", …) -> the record of a run on a few real examples, weights kept."""

    def call(method, *words, model=None):
        place = ("--data", data_folder, "--results", results, "--model", model or "micro")
        words = (*place, *LIMIT, "--suite", "none", "--save-weights", "--format", "json", *words)
        code, out, err = main_here("run", "--method", method, *words)
        assert code == 0, err
        return json.loads(out)

    return call


@pytest.fixture
def evaluate(main_here, results):
    """evaluate("3f2a", …) -> (exit code, records or text, stderr)."""

    def call(*words):
        words = ("--results", results, "--quiet", "--format", "json", *words)
        code, out, err = main_here("evaluate", *words)
        return code, json.loads(out) if code == 0 else out, err

    return call


def folder_of(results, record):
    spec = record["spec"]
    [found] = results.glob(f"*/*/{spec['method']}/{record['run_id']}")
    return found


def test_a_run_is_evaluated_in_another_way(unlearn, evaluate, results):
    made = unlearn("gradient-ascent")
    code, records, err = evaluate(made["run_id"][:6], "--prompt", "none", "--prompt", "assistant")
    assert code == 0, err
    [record] = records
    assert record["run_id"] == made["run_id"]
    assert record["finished"] == made["finished"]  # it was there already
    prompted = [
        read_records(path)[0].model_dump(mode="json")
        for path in results.glob("*/*/gradient-ascent/*/run.json")
        if made["run_id"] not in str(path)
    ]
    [other] = prompted
    assert other["spec"]["attack_name"] == "assistant"
    for name in ("training", "target", "seeds"):
        assert other[name] == made[name]
    assert other["metrics"]["unlearn_success"] != made["metrics"]["unlearn_success"]


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_what_an_engine_s_crash_leaves_is_gone_on_with(
    unlearn, evaluate, main_here, results, data_folder, checkpoint, monkeypatch, tuning
):
    model = ("--model", checkpoint("qwen2"), "--tuning", tuning, "--suite", "none")
    words = ("--data", data_folder, "--results", results, *LIMIT, *model)

    generate, calls = HfEngine.generate, []

    def crash(self, *given):
        calls.append(given)
        if len(calls) > 1:  # one call for all splits; the target's own texts come first
            raise RuntimeError("out of memory")
        return generate(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(HfEngine, "generate", crash)
        code, _, err = main_here("run", "--method", "gradient-ascent", *words)
    assert code == 1
    assert "out of memory" in err
    [path] = results.glob("*/*/gradient-ascent/*/run.json")
    failed = read_records(path)[0].model_dump(mode="json")
    assert failed["status"] == "failed"
    assert failed["artifacts"]["weights"]["kind"] == {"lora": "adapter"}.get(tuning, "full")
    code, records, err = evaluate(failed["run_id"])
    assert code == 0, err
    [record] = records
    assert (record["run_id"], record["status"]) == (failed["run_id"], "done")
    assert record["training"] == failed["training"]  # nothing was trained again
    assert record["error"] is None
    assert record["metrics"]["unlearn_success"]["n"] == 6
    # It is what an undisturbed run would have left.
    code, out, err = main_here(
        "run", "--method", "gradient-ascent", *words, "--force", "--format", "json"
    )
    assert code == 0, err
    assert json.loads(out)["metrics"] == record["metrics"]


def test_weights_from_outside_are_rows_of_their_own(
    unlearn, evaluate, results, data_folder, tmp_path
):
    made = unlearn("gradient-ascent")
    outside = tmp_path / "elsewhere"
    shutil.copytree(folder_of(results, made) / made["artifacts"]["weights"]["path"], outside)
    words = ("--weights", outside, "--data", data_folder, "--limit-train", "6", "--suite", "none")
    code, records, err = evaluate(*words)
    assert code == 0, err
    [record] = records
    assert record["spec"]["method"] == "external"
    assert record["spec"]["config"]["name"] == "elsewhere"
    assert record["training"]["weights_hash"] == made["training"]["weights_hash"]
    assert record["metrics"] == made["metrics"]  # the same weights, the same numbers
    code, [named], err = evaluate(*words, "--name", "mine", "--beside", made["run_id"])
    assert code == 0, err
    assert named["spec"]["config"]["name"] == "mine"
    same = ("base_hash", "target_recipe", "target_tuning", "model")
    assert {name: named["spec"][name] for name in same} == {
        name: made["spec"][name] for name in same
    }
    beside = ("--beside", made["run_id"], "--gold")
    code, gold, err = evaluate("--weights", outside, *words, *beside)
    assert code == 0, err
    assert [one["spec"]["method"] for one in gold] == ["retrain", "retrain"]
    assert [one["spec"]["seed"] for one in gold] == [0, 1]
    assert gold[0]["metrics"]["retention_success"] == made["metrics"]["retention_success"]
    code, _, err = evaluate(*words, "--gold")
    assert code == 2
    assert "--beside RUN" in err


def test_an_adapter_on_its_base_and_several_at_once(
    unlearn, evaluate, results, data_folder, checkpoint
):
    base = checkpoint("qwen2")
    made = unlearn("gradient-ascent", "--tuning", "lora", model=base)
    adapter = folder_of(results, made) / made["artifacts"]["weights"]["path"]
    place = ("--data", data_folder, "--limit-train", "6", "--suite", "none")
    code, records, err = evaluate("--weights", adapter, "--weights", base, *place)
    assert code == 0, err
    first, second = records
    assert (first["spec"]["tuning"], second["spec"]["tuning"]) == ("lora", "full")
    assert first["metrics"] == made["metrics"]
    assert first["training"]["weights_hash"] != second["training"]["weights_hash"]
    code, _, err = evaluate("--weights", adapter, "--model", checkpoint("gpt_neox"), *place)
    assert code == 1
    assert "does not fit" in err or "tokenizer is not that of" in err
    assert "Traceback" not in err


def test_without_a_suite_nothing_needs_the_hub(evaluate, data_folder, checkpoint):
    words = ("--weights", checkpoint("llama"), "--data", data_folder, "--limit", "2")
    code, records, err = evaluate(*words)
    assert code == 0, err
    assert records[0]["spec"]["evaluation"]["suite"] is None
    assert not any(name.startswith("general") for name in records[0]["metrics"])
    assert len(records[0]["metrics"]) > 4


def test_beside_a_run_its_suite_is_asked_too(main_here, evaluate, results, data_folder, checkpoint):
    place = ("--data", data_folder, "--limit-train", "6", "--limit", "2")
    words = ("--method", "vanilla", "--model", checkpoint("llama"), "--suite", "general-facts")
    words = (*words, "--results", results, "--quiet", "--format", "json", *place)
    code, out, err = main_here("run", *words)
    assert code == 0, err
    made = json.loads(out)
    words = ("--weights", checkpoint("qwen2"), "--beside", made["run_id"])
    code, records, err = evaluate(*words, *place)
    assert code == 0, err
    [record] = records
    assert record["spec"]["evaluation"] == made["spec"]["evaluation"]
    assert record["metrics"]["general/general_facts"]["n"] == 2


def test_bad_input(evaluate, unlearn, results, data_folder, tmp_path, checkpoint):
    def refused(expected, *words):
        code, _, err = evaluate(*words)
        assert code == expected
        last = err.splitlines()[-1]  # before it, in this process, transformers may chatter
        assert last.startswith("error: ")
        return last

    assert "nothing to evaluate" in refused(2)
    assert "no record whose run id begins with 'zzz'" in refused(1, "zzz")
    assert "no such folder" in refused(1, "--weights", tmp_path / "gone")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no config.json" in refused(1, "--weights", empty)
    (empty / "adapter_config.json").write_text("{}")
    assert "without adapter_model.safetensors" in refused(1, "--weights", empty)
    assert "1 --name for 0 --weights" in refused(2, "zzz", "--name", "x")
    made = unlearn("gradient-ascent")
    vanilla = read_records(next(results.glob("*/*/vanilla/*/run.json")))[0].model_dump(mode="json")
    assert "no weights are kept" in refused(1, vanilla["run_id"])
    words = ("--weights", checkpoint("qwen2"), "--beside", made["run_id"], "--suite", "none")
    assert "that run is on" in refused(2, *words, "--data", "standin")
    weights = folder_of(results, made) / made["artifacts"]["weights"]["path"] / "model.safetensors"
    other = checkpoint("llama") / "model.safetensors"
    weights.write_bytes(other.read_bytes())
    assert "not the weights" in refused(1, made["run_id"], "--prompt", "assistant")
