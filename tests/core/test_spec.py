"""The identity of a run."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from unharness.records.spec import FACTS, EvaluationSettings, RunSpec
from unharness.records.stage_specs import RuntimeFacts
from unharness.request import RunRequest

FIELDS: dict[str, Any] = {
    "task": "knowundo-privacy",
    "task_version": 1,
    "data_hash": "d" * 64,
    "limit": None,
    "limit_train": None,
    "template": "plain",
    "base_hash": "b" * 64,
    "target_hash": None,
    "tuning": "full",
    "target_tuning": "full",
    "lora": None,
    "target_recipe": {"epochs": 2, "lr": 1e-4},
    "method": "memflex",
    "method_version": 1,
    "config": {"lr": 3e-4, "mu": "q0.9", "nested": {"b": 1, "a": [1, 2]}},
    "seed": 0,
    "streams": {"forget_train": "1" * 64},
    "method_source": "0123456789abcdef",
    "learned": {"forget_train": "2" * 64},
    "knowledge_hash": None,
    "attacks": (),
    "dtype": "float32",
    "evaluation": {"metrics": ["success_avg", "unlearn_ppl"], "engine": "hf"},
    "model": "tiny",
    "model_revision": None,
    "data": "auto",
    "data_source": "path",
    "device": "cpu",
    "engine_set": {},
    "results": "results",
    "attack_name": "none",
    "preset": None,
    "tuned": None,
    "save_weights": False,
}
# Another value for every field; a new field has to be added here, and classified.
OTHER: dict[str, Any] = {
    "task": "other-task",
    "task_version": 2,
    "data_hash": "e" * 64,
    "limit": 8,
    "limit_train": 4,
    "template": "chat",
    "base_hash": "c" * 64,
    "target_hash": "a" * 64,
    "tuning": "lora",
    "target_tuning": "lora",
    "lora": {"r": 8},
    "target_recipe": {"epochs": 3, "lr": 1e-4},
    "method": "gradient-ascent",
    "method_version": 2,
    "config": {"lr": 3e-4, "mu": "q0.8", "nested": {"b": 1, "a": [1, 2]}},
    "seed": 1,
    "streams": {"forget_train": "3" * 64},
    "method_source": "fedcba9876543210",
    "learned": {"forget_train": "4" * 64},
    "knowledge_hash": "5" * 64,
    "attacks": ({"name": "quantize", "config": {"bits": 4}},),
    "dtype": "bfloat16",
    "evaluation": {"metrics": ["unlearn_ppl", "success_avg"], "engine": "hf"},
    "model": "/home/me/tiny",
    "model_revision": "9" * 40,
    "data": "/data",
    "data_source": "hub",
    "device": "cuda",
    "engine_set": {"batch_size": 8},
    "results": "/elsewhere",
    "attack_name": "assistant",
    "preset": "paper (Llama-2-7b-chat-hf)",
    "tuned": 20,
    "save_weights": True,
}
RUNTIME = {
    *("model", "data", "data_source", "device", "results", "attack_name", "preset"),
    "engine_set",
    "model_revision",
    "tuned",
    "save_weights",
    "limit_train",
}


def test_every_fact_has_another_value_here():
    runtime = set(RuntimeFacts.model_fields)
    assert set(FIELDS) == set(OTHER) == set(FACTS) | runtime
    assert runtime == RUNTIME


def test_a_spec_is_made_of_its_facts_again():
    spec = RunSpec.of(**FIELDS)
    assert RunSpec.of(**spec.facts()) == spec
    attacked = spec.changed(attacks=OTHER["attacks"])
    assert RunSpec.of(**attacked.facts()) == attacked
    assert attacked.attacks[0].config == {"bits": 4}
    assert attacked.changed(attacks=()) == spec


def test_equal_identities_have_equal_ids():
    one = RunSpec.of(**FIELDS)
    turned = json.loads(json.dumps(FIELDS))
    turned["config"] = dict(reversed(turned["config"].items()))
    two = RunSpec.of(**dict(reversed(turned.items())))
    assert one.run_id() == two.run_id()
    assert len(one.run_id()) == 16
    assert int(one.run_id(), 16) >= 0


def test_the_id_of_this_version_of_the_identity():
    # Changes only together with IDENTITY_VERSION: records on disk have such ids.
    assert RunSpec.of(**FIELDS).run_id() == "f79faa468ce6333a"


def test_the_id_is_the_same_in_another_process():
    code = f"from unharness.records.spec import RunSpec; print(RunSpec.of(**{FIELDS!r}).run_id())"
    ids = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert ids == {RunSpec.of(**FIELDS).run_id()}


def changed(name: str) -> RunSpec:
    return RunSpec.of(**FIELDS | {name: OTHER[name]})


# A lora adapter of the method changes nothing where neither target nor method uses one.
TARGET = ("base_hash", "learned", "knowledge_hash", "template", "dtype", "target_tuning")
TARGET += ("target_recipe", "target_hash")
METHOD = ("method", "method_version", "method_source", "config", "seed", "tuning", "streams")
OBSERVED = ("task", "task_version", "data_hash", "limit")


@pytest.mark.parametrize("name", TARGET)
def test_what_decides_the_target(name: str):
    assert changed(name).target.digest() != RunSpec.of(**FIELDS).target.digest()


@pytest.mark.parametrize("name", METHOD)
def test_what_decides_the_unlearned_weights_and_not_the_target(name: str):
    one, other = RunSpec.of(**FIELDS), changed(name)
    assert one.target == other.target
    assert one.unlearn.digest() != other.unlearn.digest()
    assert one.run_id() != other.run_id()


def test_what_decides_the_attacked_model_and_not_the_weights():
    one, other = RunSpec.of(**FIELDS), changed("attacks")
    assert one.unlearn == other.unlearn
    assert one.run_id() != other.run_id()


@pytest.mark.parametrize("name", OBSERVED)
def test_what_decides_the_observations_and_not_the_run(name: str):
    one, other = RunSpec.of(**FIELDS), changed(name)
    assert one.run_id() == other.run_id()
    assert one.evaluation_id() != other.evaluation_id()


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_what_decides_nothing(name: str):
    one, other = RunSpec.of(**FIELDS), changed(name)
    assert one != other
    assert one.score == other.score


def test_an_adapter_counts_where_it_is_used():
    adapter = {"r": 8, "alpha": 16, "dropout": 0.1}
    plain = RunSpec.of(**FIELDS)
    assert RunSpec.of(**FIELDS | {"lora": adapter}) == plain
    tuned = RunSpec.of(**FIELDS | {"lora": adapter, "tuning": "lora"})
    assert tuned.target == plain.target
    assert tuned.unlearn.lora == adapter


STAGES = {
    "metrics": "score",
    "bootstrap_seed": "score",
    "engine": "observe",
    "engine_options": "observe",
    "max_new_tokens": "observe",
    "suite": "observe",
    "observers": "observe",
    "max_length": "target",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metrics", ("success_avg",)),
        ("engine", "vllm"),
        ("engine_options", {"dtype": "bfloat16"}),
        ("max_length", 128),
        ("max_new_tokens", 8),
        ("suite", {"name": "general-facts"}),
        ("observers", {"logit-lens": 2}),
        ("bootstrap_seed", 1),
    ],
)
def test_every_evaluation_setting_counts_in_its_stage(name: str, value: Any):
    assert name in EvaluationSettings.model_fields
    one = RunSpec.of(**FIELDS)
    other = RunSpec.of(**FIELDS | {"evaluation": FIELDS["evaluation"] | {name: value}})
    assert one.score.digest() != other.score.digest()
    same = {
        "target": one.target == other.target,
        "attack": one.run_id() == other.run_id(),
        "observe": one.evaluation_id() == other.evaluation_id(),
    }
    order = ("target", "attack", "observe", "score")
    first = order.index(STAGES[name])
    for stage, equal in same.items():
        if order.index(stage) < first:
            assert equal, stage
        if order.index(stage) == first:
            assert not equal, stage


def test_no_evaluation_setting_is_left_out_above():
    named = {
        "metrics",
        "engine",
        "engine_options",
        "max_length",
        "max_new_tokens",
        "bootstrap_seed",
        "observers",
        "suite",
    }
    assert set(EvaluationSettings.model_fields) == named


def test_a_spec_survives_json():
    spec = RunSpec.of(**FIELDS)
    again = RunSpec.model_validate_json(json.dumps(spec.model_dump(mode="json")))
    assert again == spec
    assert again.run_id() == spec.run_id()


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="colour"):
        RunSpec.of(**FIELDS, colour="red")
    with pytest.raises(ValidationError, match="colour"):
        RunRequest(colour="red")  # type: ignore[call-arg]


def test_hyperparameters_join_flags_and_set():
    assert RunRequest().hyperparameters() == {}
    request = RunRequest(epochs=3, lr=0.1, set={"mu": "q0.5", "lr": 0.2})
    # What is said twice is said last by `set`.
    assert request.hyperparameters() == {"epochs": 3, "lr": 0.2, "mu": "q0.5"}


@pytest.mark.parametrize("values", [{"seed": -1}, {"seed": 2**32}, {"limit": 0}, {"tuning": "x"}])
def test_a_request_is_bounded(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        RunRequest(**values)
