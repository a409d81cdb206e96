"""`unharness run --dry-run` says how much memory the run will take."""

import json
from typing import Any

import pytest

from unharness.cli.memory_table import comparison
from unharness.models.shape import shape_of
from unharness.pipeline.memory_estimate import RunEstimate, StageEstimate, estimate_run
from unharness.pipeline.memory_formula import MemoryEstimate
from unharness.pipeline.resolve import resolve
from unharness.pipeline.stages.target import target_stage
from unharness.registry import registry
from unharness.request import make_request

DRY = ("run", "--dry-run", "--data", "standin", "--suite", "none", "--device", "cpu")
LLAMA_2_7B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}


@pytest.fixture
def estimated(checkpoint):
    """estimated("kl", tuning="lora", …) -> the estimate of such a run on a random checkpoint."""

    def make(method: str, **options: Any) -> RunEstimate:
        given = {"model": str(checkpoint("llama")), "data": "standin", "suite": "none"}
        given |= {"limit_train": 16, "device": "cpu", "method": method} | options
        return estimate_run(resolve(make_request(given), registry()))

    return make


def test_the_estimate_is_beside_the_spec(call, checkpoint):
    code, output, errors = call(*DRY, "--model", checkpoint("llama"))
    assert code == 0
    assert json.loads(output)["run_id"]
    assert "estimated by formula" in errors
    for part in ("weights", "gradients", "optimizer state", "activations", "logits", "peak"):
        assert part in errors
    assert "free on cpu: it should fit" in errors
    assert call(*DRY, "--model", checkpoint("llama"), "--quiet") == (0, output, "")


def test_a_7b_model_is_estimated_from_its_config_alone(call, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_2_7B))
    (tmp_path / "model.safetensors").write_bytes(b"")
    words = ("--model", tmp_path, "--tuning", "full", "--method", "gradient-ascent")
    code, _, errors = call(*DRY, *words, "--max-length", 64)
    assert code == 0, errors
    assert "no tokenizer" in errors
    [peak] = [line for line in errors.splitlines() if line.startswith(" peak")]
    # Weights, gradients, two moments and the initial weights, 27 GB each in float32.
    assert all(float(word) > 5 * 26.9 for word in peak.split()[1:])


def test_what_has_no_config_has_no_estimate(call, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    code, output, errors = call(*DRY, "--model", tmp_path)
    assert code == 0
    assert json.loads(output)
    assert "no estimate of memory" in errors


def test_attacks_on_weights_are_said_not_to_be_counted(estimated):
    words = "attacks on weights are not counted"
    assert any(words in note for note in estimated("kl", attack=("none", "relearn")).notes)
    assert not any(
        words in note for note in estimated("kl", attack=("none", "prompt:text=Be brief.")).notes
    )


def _unlearning(found: RunEstimate) -> MemoryEstimate:
    return found.stages[-1].memory


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_methods_cost_what_they_hold(estimated, tuning):
    ascent = _unlearning(estimated("gradient-ascent", tuning=tuning))
    same = _unlearning(estimated("random-labels", tuning=tuning))
    assert same == ascent
    difference = _unlearning(estimated("gradient-difference", tuning=tuning))
    kl = _unlearning(estimated("kl", tuning=tuning))
    assert kl.parts["reference"] > 0
    assert kl.peak > difference.peak > ascent.peak
    memflex = _unlearning(estimated("memflex", tuning=tuning))
    assert memflex.parts["gradients before training"] == 2 * ascent.parts["gradients"]


def test_the_whole_run_is_as_large_as_its_largest_stage(estimated):
    found = estimated("retrain", tuning="full")
    names = [stage.name.split()[0] for stage in found.stages]
    assert names == ["train", "unlearn"]
    weights = [stage.memory.parts["weights"] for stage in found.stages]
    assert weights[1] == 2 * weights[0]  # the target stands beside it
    assert found.peak == max(stage.memory.peak for stage in found.stages)


def test_a_smaller_micro_batch_takes_less(estimated):
    options = {"tuning": "lora", "set": {"micro_batch_size": 2}}
    small = _unlearning(estimated("gradient-ascent", **options))
    whole = _unlearning(estimated("gradient-ascent", tuning="lora"))
    assert small.parts["activations"] < whole.parts["activations"] / 4


@pytest.mark.parametrize(
    ("free", "words"),
    [(10e9, "it should fit"), (1.05e9, "it may not fit"), (0.5e9, "it will probably not fit")],
)
def test_the_verdict_leaves_room_for_the_estimate_s_error(free, words):
    stage = StageEstimate("unlearn", MemoryEstimate({"weights": 1e9}, {"all the time": 1e9}), "")
    assert words in comparison(RunEstimate("cuda", (stage,), int(free)))


def test_the_shape_is_that_of_the_checkpoint(estimated, load_checkpoint):
    model, _ = load_checkpoint("llama")
    found = _unlearning(estimated("gradient-ascent", tuning="full"))
    assert found.parts["weights"] == 4 * shape_of(model.config).parameters


def test_a_pretrained_model_that_learns_nothing_is_loaded(estimated, checkpoint):
    found = estimated("gradient-ascent", task="wmdp")
    assert [stage.name for stage in found.stages] == ["unlearn (gradient-ascent)"]
    assert "the target is the base model: the task teaches it nothing" in found.notes
    given = {"data": "standin", "suite": "none", "device": "cpu"}
    for task, model, verb in (
        ("wmdp", str(checkpoint("llama")), "load"),
        ("knowundo-privacy", str(checkpoint("llama")), "train"),
        ("wmdp", "micro", "train"),  # a preset's target learns general facts
    ):
        plan = resolve(make_request(given | {"task": task, "model": model}), registry())
        assert target_stage(plan).startswith(f"{verb} target (")
