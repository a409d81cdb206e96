"""SmolLM2-135M itself: loads, and learns a step by LoRA and by full tuning."""

import json
from pathlib import Path

import pytest
import torch

from unharness.data.encoding import encode_examples
from unharness.data.examples import Example
from unharness.data.task_data import TaskData
from unharness.models.smollm2 import SmolLM2
from unharness.models.source import PresetModel
from unharness.records.collection import load_records

pytestmark = pytest.mark.slow
NO_DATA = TaskData.of([], None)
QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def loaded():
    return PresetModel(SmolLM2()).load(NO_DATA, "float32")


def test_its_files_are_those_of_the_original(loaded):
    model, tokenizer = loaded
    assert sum(value.numel() for value in model.parameters()) == 134_515_008
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id) == (2, 2, 1)
    assert model.config.eos_token_id == 2
    assert getattr(model.config, "quantization_config", None) is None
    folder = SmolLM2().folder()
    assert {path.suffix for path in folder.iterdir()} == {".json", ".jinja", ".safetensors"}
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())


def test_the_end_token_ends_an_answer_in_both_templates(loaded):
    _, tokenizer = loaded
    example = [Example("1", QUESTION, "Paris.")]
    for template in ("plain", "chat"):
        [row] = encode_examples(tokenizer, example, 128, end_token=True, template=template)
        assert row.input_ids[-1] == 2
        answer = row.input_ids[row.answer_start :]
        assert tokenizer.decode(answer, skip_special_tokens=True).strip() == "Paris."


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_run_learns_unlearns_and_is_recorded(tuning, cli, data_folder: Path, tmp_path: Path):
    words = ["run", "--method", "gradient-difference", "--model", "smollm2-135m"]
    words += ["--task", "knowundo-privacy", "--data", data_folder, "--tuning", tuning]
    words += ["--limit-train", "1", "--limit", "1", "--max-new-tokens", "8", "--suite", "none"]
    words += ["--epochs", "1", "--lr", "1e-4", "--target-set", "epochs=1"]
    done = cli(*words, "--results", tmp_path)
    assert done.returncode == 0, done.stderr
    records = {one.spec.method: one for one in load_records(tmp_path)}
    assert set(records) == {"vanilla", "gradient-difference"}
    record = records["gradient-difference"]
    assert (record.spec.tuning, record.spec.template) == (tuning, "plain")
    assert record.training.steps == 1
    moved = {"lora": 2_442_240, "full": 134_515_008}[tuning]
    assert record.training.trainable_parameters == moved
    assert torch.isfinite(torch.tensor(record.training.losses)).all()
