"""Two of the newer methods as a user runs them: both tunings, both kinds of reference."""

import math

import pytest

from unharness import run

pytestmark = pytest.mark.slow

RUNS = {
    # A forget set smaller than a batch, and answers that the task does not bring.
    "dpo-idk": {"tuning": "lora", "hyperparameters": {"batch_size": 16, "retain_loss": "kl"}},
    "undial": {"tuning": "full", "hyperparameters": {"batch_size": 16, "retain_loss": "nll"}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.mark.parametrize("method", RUNS)
def test_a_run_ends_in_a_record(method, results, data_folder):
    # The target of the probes: in a session it is trained once.
    options = {"model": "micro", "data": str(data_folder), "limit": 2} | RUNS[method]
    record = run(method, "knowundo-privacy", results=str(results), **options)
    assert record.status == "done"
    losses = record.training.losses
    assert len(losses) == 4  # an epoch of eight examples is a step
    assert all(map(math.isfinite, losses))
    assert any(norm > 0 for norm in record.training.update_norms.values())
    assert record.cost.train_seconds > 0
    assert record.cost.peak_memory_gb > 0
