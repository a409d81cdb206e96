"""Refusals in the place of answers, on a worked example."""

import pytest

from unharness import Stream, UnlearnBatch, UsageError
from unharness.checked import checked
from unharness_methods.idk import IDK


@pytest.fixture
def refusals(known_model):
    """Two refusals of four tokens with sums -6 and -4, and the retain answer of fixture A."""
    forget = known_model.says([-3.0, -1.0, -1.0, -1.0], [-1.0, -1.0, -1.5, -0.5])
    return known_model, {"forget": forget, "retain": known_model.says([-0.2, -0.4])}


def test_a_worked_example(refusals):
    model, streams = refusals
    batch = UnlearnBatch(streams)
    loss = IDK(IDK.Config()).loss(model, batch)
    assert loss.item() == pytest.approx(1.550000, abs=1e-6)
    alone = IDK(IDK.Config(retain_loss="none")).loss(model, batch)
    assert alone.item() == pytest.approx(1.250000, abs=1e-6)
    pooled = IDK(IDK.Config(fidelity="released-code")).loss(model, batch)
    assert pooled.item() == pytest.approx(1.060000, abs=1e-6)
    weighted = IDK(IDK.Config(fidelity="released-code", retain_weight=2)).loss(model, batch)
    assert weighted.item() == pytest.approx(1.120000, abs=1e-6)


def test_the_forget_set_is_read_with_refusals():
    assert IDK(IDK.Config()).forget_streams() == {"forget": Stream("forget", answer="refusal")}


def test_one_mean_of_two_likelihoods_needs_two():
    with pytest.raises(UsageError, match="fidelity=released-code needs retain_loss=nll"):
        checked("method 'idk'", IDK.Config, {"fidelity": "released-code", "retain_loss": "kl"})
