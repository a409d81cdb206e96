"""Methods as a user runs them, each to its record: both tunings, and what each seam gives."""

import math

import pytest

from unharness import LossMethod, run
from unharness.registry import registry

pytestmark = pytest.mark.slow

RUNS = {
    # A forget set smaller than a batch, and answers that the task does not bring.
    "dpo-idk": {"tuning": "lora", "hyperparameters": {"batch_size": 16, "retain_loss": "kl"}},
    "undial": {"tuning": "full", "hyperparameters": {"batch_size": 16, "retain_loss": "nll"}},
    # Hidden states, sampled answers, gradients by term, a gradient before training.
    "rmu": {"tuning": "full", "hyperparameters": {"batch_size": 16}},
    "altpo": {
        "tuning": "full",
        "hyperparameters": {"batch_size": 16, "alternatives": 1, "max_new_tokens": 8},
    },
    "gru": {"tuning": "lora", "hyperparameters": {"batch_size": 16, "base": "npo:beta=0.2"}},
    "circuit-breaker": {"tuning": "lora", "hyperparameters": {"batch_size": 16}},
    "sure": {"tuning": "full", "hyperparameters": {"batch_size": 16, "base": "simnpo"}},
}
OTHERS = [
    name
    for name in registry().names("methods")
    if name not in RUNS and issubclass(registry().get("methods", name), LossMethod)
]
SETTINGS = {
    "llmu": {"normal": "retain"},
    "npo-sam": {"base": "npo"},
    "relearn": {"alternatives": 1, "max_new_tokens": 8},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def start(results, data_folder):
    def call(method, **options):
        # The target of the probes: in a session it is trained once.
        options = {"model": "micro", "data": str(data_folder), "limit": 2} | options
        record = run(method, "knowundo-privacy", results=str(results), **options)
        assert record.status == "done"
        return record

    return call


@pytest.mark.parametrize("method", RUNS)
def test_a_run_ends_in_a_record(method, start):
    record = start(method, **RUNS[method])
    losses = record.training.losses
    assert len(losses) == 4  # an epoch of eight examples is a step
    assert all(map(math.isfinite, losses))
    assert any(norm > 0 for norm in record.training.update_norms.values())
    assert record.cost.train_seconds > 0
    assert record.cost.peak_memory_gb > 0


@pytest.mark.parametrize("method", OTHERS)
def test_every_other_loss_ends_in_a_record_too(method, start):
    values = {"batch_size": 16, "epochs": 1} | SETTINGS.get(method, {})
    record = start(method, tuning="full", limit=1, hyperparameters=values)
    assert len(record.training.losses) == 1
    assert math.isfinite(record.training.losses[0])
    assert "unlearn_success" in record.metrics


@pytest.mark.parametrize(
    ("method", "values"), [("task-vector", {"scale": 2.0, "epochs": 1}), ("lunar", {})]
)
def test_a_weight_edit_leaves_whole_weights(start, method, values):
    record = start(method, tuning="lora", hyperparameters=values)
    assert record.training.weights_hash != record.target.weights_hash
    assert (record.training.steps > 0) == (method == "task-vector")
    assert "the weights did not change" not in record.warnings


def test_a_guardrail_leaves_its_instruction(start):
    record = start("guardrail", tuning="full", hyperparameters={"words": ["Rome"]})
    assert record.training.weights_hash == record.target.weights_hash
    assert record.training.wrapper["words"] == ["Rome"]


def test_a_method_that_leaves_the_weights_says_whom_it_keeps_out(start):
    record = start("in-context", tuning="full", hyperparameters={"refused": 1, "answered": 1})
    assert record.training.weights_hash == record.target.weights_hash
    assert len(record.training.wrapper["shots"]) == 2
    [warning] = [text for text in record.warnings if text.startswith("the weights are untouched")]
    assert "not against those who hold the weights" in warning
