"""Methods of the field on the public API alone, each run from end to end."""

import importlib
import math

import pytest
import torch

pytestmark = pytest.mark.slow


def metric(record, name):
    return record.metrics[name].value


def norms(record):
    return record.training.update_norms


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_npo(run_probe, tuning):
    record = run_probe("probe-npo", tuning=tuning)
    losses = record.training.losses
    # The ratio starts at 1, so the loss at 2/beta * ln 2.
    assert losses[0] == pytest.approx(20 * math.log(2), abs=1e-2 if tuning == "lora" else 1e-3)
    assert losses[-1] < losses[0]
    if tuning == "full":  # no dropout: nothing may differ at the first step
        assert record.training.report["first_ratio"] < 1e-4


def test_a_preference_for_refusals_aligned_with_the_forget_stream(run_probe):
    record = run_probe("probe-refusal-preference", tuning="full")
    assert record.training.report["first_ratio"] < 1e-4
    assert record.training.losses[0] == pytest.approx(20 * math.log(2), abs=1e-3)
    assert record.training.losses[-1] < record.training.losses[0]
    assert "texts of stream refusal" in record.seeds


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_loss_on_hidden_states_at_a_layer(run_probe, tuning):
    record = run_probe("probe-hidden-states", tuning=tuning)
    assert record.training.losses[-1] < record.training.losses[0]
    later = [norm for name, norm in norms(record).items() if ".layers.1." in name]
    sooner = [norm for name, norm in norms(record).items() if ".layers.0." in name]
    assert not any(later)  # nothing after the layer has a gradient
    assert any(sooner)


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("from_target", [True, False])
def test_task_arithmetic(run_probe, tuning, from_target):
    given = {"a": 2.0, "from_target": from_target}
    record = run_probe("probe-task-arithmetic", tuning=tuning, hyperparameters=given)
    assert record.status == "done"
    assert record.training.steps > 0
    assert "the weights did not change" not in record.warnings


def test_a_second_pass_within_a_step(run_probe):
    plain = run_probe("probe-npo", tuning="full")
    record = run_probe("probe-sam-npo", tuning="full", hyperparameters={"rho": 0.05})
    # Warm-up's first step moves nothing; the second starts at the same weights, and goes elsewhere.
    for step in (0, 1):
        assert record.training.losses[step] == pytest.approx(plain.training.losses[step], abs=1e-6)
    assert record.training.losses[2] != plain.training.losses[2]
    assert record.training.losses[-1] < record.training.losses[0]
    tiny = run_probe("probe-sam-npo", tuning="full", hyperparameters={"rho": 1e-7})
    assert tiny.training.losses == pytest.approx(plain.training.losses, rel=1e-2)


def test_a_dual_variable_that_moves_after_every_step(run_probe):
    record = run_probe("probe-dual", tuning="full")
    history = record.training.report["multipliers"]
    assert len(history) == record.training.steps
    assert len(set(history)) > 1


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_an_in_context_refusal(run_probe, tmp_path, tuning):
    record = run_probe("probe-in-context-refusal", tuning=tuning, save_weights=True)
    plain = run_probe("vanilla", tuning=tuning)
    kept = record.training.wrapper
    assert len(kept["questions"]) == 2
    assert record.cost.train_seconds is None  # nothing is trained
    assert record.training.weights_hash == record.target.weights_hash or tuning == "lora"
    # Likelihoods go through the prompt, and texts through the filter.
    assert metric(record, "unlearn_success") != metric(plain, "unlearn_success")
    texts = generated(tmp_path, record)
    assert texts
    assert all(text.endswith(" (checked)") for text in texts)


def generated(tmp_path, record):
    from unharness.records.examples import read_examples

    [path] = (tmp_path / "results").glob(f"**/{record.run_id}/run.json")
    rows = read_examples(record, path.parent)
    return [row.generated for row in rows if row.generated is not None]


def test_npo_s_published_number(probes):
    # Fixture A: sums of log-probabilities -3.0, -0.5 under the model, -1.0, -0.2 under the target.
    probes("method_probes")
    value = importlib.import_module("method_probes").npo_loss(
        torch.tensor([-3.0 + 1.0, -0.5 + 0.2]), 0.1
    )
    assert value.item() == pytest.approx(12.763985, abs=1e-5)
