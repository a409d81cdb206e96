"""The identity of a run."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from unharness.spec import EvaluationSettings, RunRequest, RunSpec, field_roles

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
    "general_hash": None,
    "dtype": "float32",
    "evaluation": {"metrics": ["success_avg", "unlearn_ppl"], "engine": "hf"},
    "model": "tiny",
    "model_revision": None,
    "data": "auto",
    "data_source": "path",
    "device": "cpu",
    "engine_set": {},
    "results": "results",
    "prompt_name": "none",
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
    "general_hash": "f" * 64,
    "dtype": "bfloat16",
    "evaluation": {"metrics": ["unlearn_ppl", "success_avg"], "engine": "hf"},
    "model": "/home/me/tiny",
    "model_revision": "9" * 40,
    "data": "/data",
    "data_source": "hub",
    "device": "cuda",
    "engine_set": {"batch_size": 8},
    "results": "/elsewhere",
    "prompt_name": "assistant",
    "preset": "paper (Llama-2-7b-chat-hf)",
    "tuned": 20,
    "save_weights": True,
}
RUNTIME = {
    *("model", "data", "data_source", "device", "results", "prompt_name", "preset"),
    "engine_set",
    "model_revision",
    "tuned",
    "save_weights",
}


def test_every_field_is_classified():
    roles = field_roles()
    assert set(roles) == set(RunSpec.model_fields) == set(FIELDS) == set(OTHER)
    unclassified = [name for name, role in roles.items() if role not in ("identity", "runtime")]
    assert unclassified == []
    assert {name for name, role in roles.items() if role == "runtime"} == RUNTIME


def test_equal_identities_have_equal_ids():
    one = RunSpec(**FIELDS)
    turned = json.loads(json.dumps(FIELDS))
    turned["config"] = dict(reversed(turned["config"].items()))
    two = RunSpec(**dict(reversed(turned.items())))
    assert one.run_id() == two.run_id()
    assert len(one.run_id()) == 16
    assert int(one.run_id(), 16) >= 0


def test_the_ids_of_each_version_of_the_identity():
    # The newest changes only together with IDENTITY_VERSION: records on disk have such ids.
    spec = RunSpec(**FIELDS)
    assert spec.run_id(2) == "0a88f4fd7ed97838"
    assert spec.run_id() == spec.run_id(3) == "a3e2c2b6c901f19f"


def test_the_id_is_the_same_in_another_process():
    code = f"from unharness.spec import RunSpec; print(RunSpec(**{FIELDS!r}).run_id())"
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
    assert ids == {RunSpec(**FIELDS).run_id()}


@pytest.mark.parametrize("name", sorted(set(FIELDS) - RUNTIME))
def test_the_id_changes_with_an_identity_field(name: str):
    assert RunSpec(**FIELDS | {name: OTHER[name]}).run_id() != RunSpec(**FIELDS).run_id()


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_the_id_does_not_change_with_a_runtime_field(name: str):
    changed = RunSpec(**FIELDS | {name: OTHER[name]})
    assert changed != RunSpec(**FIELDS)
    assert changed.run_id() == RunSpec(**FIELDS).run_id()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metrics", ("success_avg",)),
        ("engine", "vllm"),
        ("engine_options", {"dtype": "bfloat16"}),
        ("max_length", 128),
        ("max_new_tokens", 8),
        ("prompt", "Be discreet."),
        ("suite", {"name": "general-facts"}),
        ("bootstrap_seed", 1),
    ],
)
def test_every_evaluation_setting_counts(name: str, value: Any):
    assert name in EvaluationSettings.model_fields
    settings = FIELDS["evaluation"] | {name: value}
    changed = RunSpec(**FIELDS | {"evaluation": settings})
    assert changed.run_id() != RunSpec(**FIELDS).run_id()


def test_no_evaluation_setting_is_left_out_above():
    named = {
        "metrics",
        "engine",
        "engine_options",
        "max_length",
        "max_new_tokens",
        "bootstrap_seed",
        "prompt",
        "suite",
    }
    assert set(EvaluationSettings.model_fields) == named


def test_a_spec_survives_json():
    spec = RunSpec(**FIELDS)
    again = RunSpec.model_validate_json(json.dumps(spec.model_dump(mode="json")))
    assert again == spec
    assert again.run_id() == spec.run_id()


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="colour"):
        RunSpec(**FIELDS, colour="red")
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
