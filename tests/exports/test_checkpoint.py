"""Exported weights: plain peft and transformers load them, and they are those of the record."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from unharness.cache import cache_dir
from unharness.errors import ModelError, RecordError, UsageError
from unharness.exports.run_export import export_run
from unharness.progress import Progress
from unharness.records.audit import audit_record
from unharness.records.store import RecordStore
from unharness.registry import registry

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def export(micro_store, tmp_path_factory):
    """export(found, merge=…) -> the folder and what lies in it."""

    def call(found, folder=None, **options):
        target = folder or tmp_path_factory.mktemp("out") / "mine"
        layout = export_run(found, micro_store, target, {}, registry(), Progress(), **options)
        return target, layout

    return call


@pytest.fixture(scope="module")
def exported(export, micro_records):
    return export(micro_records["none"])


def load_full(folder):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    return AutoModelForCausalLM.from_pretrained(str(folder)).eval(), tokenizer


def load_adapter(folder):
    from peft import PeftModel

    base, tokenizer = load_full(folder / "base")
    return PeftModel.from_pretrained(base, str(folder)).eval(), tokenizer


def log_probs(model, tokenizer, prompt, answer):
    """Of every token of the answer, without anything of ours."""
    ids = tokenizer(f"{prompt}\n\n{answer}", return_tensors="pt").input_ids
    start = len(tokenizer(prompt).input_ids)
    with torch.no_grad():
        logits = model(ids).logits[0, :-1].float()
    found = torch.log_softmax(logits, -1).gather(1, ids[0, 1:, None])[:, 0]
    return found[start - 1 :].tolist()


def assert_same(loaded, rows):
    for row in rows:
        found = log_probs(*loaded, row["prompt"], row["answer"])
        assert found == pytest.approx(row["log_probs"], abs=2e-5)


def test_an_adapter_with_its_base_gives_the_same_log_probabilities(exported, micro_records, lines):
    folder, layout = exported
    assert (layout.kind, layout.base) == ("adapter", None)
    rows = lines(micro_records["none"])
    assert len(rows) == 6
    assert_same(load_adapter(folder), rows)
    # The base is the target: it must be the adapter that makes the difference.
    base = log_probs(*load_full(folder / "base"), rows[0]["prompt"], rows[0]["answer"])
    assert base != pytest.approx(rows[0]["log_probs"], abs=1e-3)
    assert not [path.name for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
    assert (
        json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        == "./base"
    )


def test_merged_weights_and_attacked_ones_are_whole(export, micro_records, lines):
    folder, layout = export(micro_records["none"], merge=True)
    assert (layout.kind, layout.merged) == ("full", True)
    assert_same(load_full(folder), lines(micro_records["none"])[:4])
    folder, layout = export(micro_records["quantize:bits=4"])
    assert layout.kind == "full"
    assert_same(load_full(folder), lines(micro_records["quantize:bits=4"])[:4])
    assert "attacked by quantize:bits=4" in (folder / "README.md").read_text()


def test_our_own_evaluation_finds_the_base_beside_the_adapter(
    exported, data_folder, main_here, tmp_path
):
    folder, _ = exported
    words = ("--weights", folder, "--data", data_folder, "--limit-train", "6", "--limit", "2")
    words = (*words, "--results", tmp_path, "--quiet", "--format", "json")
    code, out, err = main_here("evaluate", *words)
    assert code == 0, err
    [record] = json.loads(out)
    assert record["spec"]["tuning"] == "lora"


def test_the_card_is_filled_from_the_record(exported, micro_records):
    folder, _ = exported
    record = micro_records["none"].record
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard_data import model_index_to_eval_results

    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "peft"
    front = yaml.safe_load(card.content.split("---")[1])
    name, found = model_index_to_eval_results(front["model-index"])
    assert name == "mine"
    known = {label: one for label, one in record.metrics.items() if one.value is not None}
    assert {one.metric_name: one.metric_value for one in found} == {
        label: one.value for label, one in known.items()
    }
    assert all(
        one.metric_args["ci95"] == list(known[one.metric_name].ci95)
        for one in found
        if known[one.metric_name].ci95
    )
    for text in (record.run_id, record.spec.data_hash, record.training.weights_hash):
        assert text in card.text
    for setting, value in record.spec.config.items():
        assert f"| `{setting}` | " in card.text, value
    assert "| quantize:bits=4 |" in card.text
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["max_new_tokens"] == record.spec.evaluation.max_new_tokens
    copy = shutil.copy(folder / "unharness-record.json", folder.parent / "run.json")
    assert audit_record(Path(copy)).run_id == record.run_id


def test_a_folder_with_something_in_it_is_refused(export, micro_records, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        export(micro_records["none"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_weights_that_are_gone_are_named_with_the_command(
    export, micro_records, tmp_path, monkeypatch
):
    other = tmp_path / "cache"
    other.mkdir()
    (other / "models").symlink_to(cache_dir() / "models")  # the target alone is still there
    monkeypatch.setenv("UNHARNESS_CACHE", str(other))
    with pytest.raises(ModelError) as stopped:
        export(micro_records["none"], tmp_path / "out")
    text = str(stopped.value)
    assert "neither beside the record nor in the cache" in text
    assert "unharness run --method gradient-difference" in text
    assert "--set epochs=2" in text
    assert text.endswith("--save-weights --force")
    assert list((tmp_path / "out").iterdir()) == []


def test_weights_beside_the_record_are_found_without_the_cache(
    data_folder, tmp_path, monkeypatch, lines
):
    from unharness import run

    record = run(  # the unlearned weights are in the cache: nothing is trained
        "gradient-difference",
        hyperparameters={"epochs": 2},
        **{"model": "micro", "tuning": "lora", "data": str(data_folder), "suite": "none"},
        **{"results": str(tmp_path / "r"), "limit_train": 6, "limit": 1, "save_weights": True},
    )
    store = RecordStore(tmp_path / "r")
    found = store.by_id(record.run_id)
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    layout = export_run(found, store, tmp_path / "out", {}, registry(), Progress())
    assert layout.kind == "full"  # beside a record the adapter is merged: its base is in the cache
    assert_same(load_full(tmp_path / "out"), lines(found))


def test_a_run_that_failed_has_nothing_to_export(export, micro_records, tmp_path):
    found = micro_records["none"]
    failed = found._replace(record=found.record.model_copy(update={"status": "failed"}))
    with pytest.raises(RecordError, match="nothing can be exported"):
        export(failed, tmp_path / "out")


def test_an_adapter_on_a_model_of_the_hub_names_it_at_its_commit(load_checkpoint, tmp_path):
    from unharness.data.recipe import LoraSettings
    from unharness.exports.checkpoint import write_checkpoint
    from unharness.models.lora import add_adapter
    from unharness.models.weights import WeightsRef

    model, tokenizer = load_checkpoint("qwen2")
    model.name_or_path, model.hub_revision = "org/base", "0123abc"  # as CheckpointModel leaves it
    weights = WeightsRef(add_adapter(model, LoraSettings(r=2, alpha=4), 0), tokenizer)
    layout = write_checkpoint(weights, tmp_path, max_new_tokens=7)
    assert (layout.kind, layout.base, layout.revision) == ("adapter", "org/base", "0123abc")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("org/base", "0123abc")
    assert not (tmp_path / "base").exists()
