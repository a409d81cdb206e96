"""Any causal language model from a folder: every method, LoRA and full tuning."""

import json

import pytest
import torch

import unharness
from unharness.models.weights import weights_hash
from unharness.registry import registry

pytestmark = pytest.mark.slow

METHODS = [
    "vanilla",
    "retrain",
    "gradient-ascent",
    "gradient-difference",
    "random-labels",
    "adversarial",
    "kl",
]
# What the target knows and says is not the point: it is taught briefly.
SHORT = {"limit_train": 6, "target_set": {"epochs": 2}, "max_new_tokens": 8}
FEW = {"limit_train": 6, "epochs": 2, "batch_size": 4}
NO_SUITE = {"suite": "none"}  # the default for checkpoints needs the hub


@pytest.fixture
def few(data_folder, tmp_path):
    """Run a method on a few real examples, away from other tests' records."""

    def call(method, model, **options):
        untrained = method in ("vanilla", "retrain")
        base = SHORT if untrained else SHORT | FEW
        return unharness.run(
            method,
            model=str(model),
            data=str(data_folder),
            results=str(tmp_path),
            **NO_SUITE | base | options,
        )

    return call


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_every_family_goes_through(kind, tuning, checkpoint, few):
    options = {"hyperparameters": {"mu": 1.0, "sigma": 0.0, "lr": 1e-3, "draws": 1}}
    record = few("memflex", checkpoint(kind), tuning=tuning, **options)
    assert record.status == "done"
    assert record.partial
    assert record.spec.tuning == record.spec.target_tuning == tuning
    assert record.training.weights_hash != record.target.weights_hash
    moved, total = record.training.trainable_parameters, record.training.total_parameters
    assert (moved < total) == (tuning == "lora")


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_by_both_tunings(method, tuning, checkpoint, few):
    assert method in registry().names("methods")
    record = few(method, checkpoint("llama"), tuning=tuning)
    same = record.training.weights_hash == record.target.weights_hash
    assert same == (method == "vanilla")


def test_target_adapter_goes_on_learning(checkpoint, few):
    """With LoRA the adapter that holds the knowledge is the one that unlearns: r 8, alpha 16."""
    record = few("gradient-ascent", checkpoint("llama"), tuning="lora", save_weights=True)
    assert record.spec.lora == {"r": 8, "alpha": 16, "dropout": 0.1}
    assert record.artifacts["weights"]["kind"] == "adapter"


def test_saved_adapter_is_plain_peft(checkpoint, few, tmp_path):
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    record = few("gradient-ascent", checkpoint("llama"), save_weights=True)
    spec = record.spec
    folder = next(tmp_path.glob(f"{spec.task}/*/{spec.method}/{record.run_id}/weights-*"))
    model = AutoPeftModelForCausalLM.from_pretrained(str(folder))
    assert weights_hash(model) == record.training.weights_hash
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(checkpoint("llama").resolve())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (8, 16, 0.1)
    assert {name.split(".")[-1] for name in config["target_modules"]} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    ids = tokenizer("Who are they?\n\n", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert torch.isfinite(model(ids).logits).all()


def test_weights_wanted_later_are_made_later(checkpoint, few):
    first = few("gradient-ascent", checkpoint("llama"))
    assert "weights" not in first.artifacts
    second = few("gradient-ascent", checkpoint("llama"), save_weights=True)
    assert second.run_id == first.run_id
    assert "weights" in second.artifacts
    assert second.training.weights_hash == first.training.weights_hash


def test_a_preset_by_lora_unlearns_with_a_fresh_adapter(few):
    record = few("gradient-ascent", "micro", tuning="lora", lr=1e-2)
    assert (record.spec.tuning, record.spec.target_tuning) == ("lora", "full")
    assert 0 < record.training.trainable_parameters < record.training.total_parameters / 2


def test_saved_fresh_adapter_is_merged_and_stands_alone(few, tmp_path):
    """Its base is a target that only the cache knows, so the whole model is written."""
    from transformers import AutoModelForCausalLM

    record = few("gradient-ascent", "micro", tuning="lora", lr=1e-2, save_weights=True)
    assert record.artifacts["weights"]["kind"] == "full"
    (folder,) = tmp_path.glob("*/micro/gradient-ascent/*/weights-*")
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert weights_hash(model) == record.artifacts["weights"]["sha256"]


def test_memflex_refuses_a_fresh_adapter(few, tmp_path):
    with pytest.raises(unharness.MethodError, match="fresh LoRA adapter"):
        few("memflex", "micro", tuning="lora")
    failed = [item for item in unharness.load_records(tmp_path) if item.status == "failed"]
    assert len(failed) == 1
    assert "B is 0" in failed[0].error


def test_empty_region_shows_what_there_is(checkpoint, few, tmp_path):
    with pytest.raises(unharness.MethodError, match="region is empty") as caught:
        few("memflex", checkpoint("llama"), hyperparameters={"mu": -1.0, "draws": 1})
    for word in ("Cosines", "magnitudes", "would select"):
        assert word in str(caught.value)
    failed = [item for item in unharness.load_records(tmp_path) if item.status == "failed"]
    assert len(failed[0].training.report["region"]["tensors"]) == 28  # 7 layers x 2 x (A, B)


def test_copyright_domain_runs_on_its_stand_in(checkpoint, tmp_path):
    record = unharness.run(
        "gradient-ascent",
        "knowundo-copyright",
        model=str(checkpoint("llama")),
        suite="none",
        data="standin",
        results=str(tmp_path),
        **FEW,
    )
    assert record.status == "done"
    assert record.data.source == "standin"
    assert record.spec.target_recipe["epochs"] == 20  # the paper's table 7


def test_seed_decides(checkpoint, few):
    hashes = [
        few("gradient-ascent", checkpoint("llama"), seed=seed).training.weights_hash
        for seed in (0, 1)
    ]
    assert hashes[0] != hashes[1]
