"""Representation rerouting: a worked example, its schedule, and what it trains."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import MethodError, UnlearnBatch, hidden_states
from unharness_methods.circuit_breaker import CircuitBreaker, distance, similarity, weights_at

ONES = torch.ones(1, 1)


def test_a_worked_example():
    # Two blocks whose cosines are 1/sqrt(2) and -1, and a retain distance of 1/2.
    reference = torch.tensor([[[1.0, 0.0]]])
    first = similarity(torch.tensor([[[1.0, 1.0]]]), reference, ONES)
    second = similarity(torch.tensor([[[-2.0, 0.0]]]), reference, ONES)
    assert first.item() == pytest.approx(0.707107, abs=1e-6)
    assert second.item() == 0
    assert (first + second).item() / 2 == pytest.approx(0.353553, abs=1e-6)
    kept = distance(torch.tensor([[[1.3, 0.4]]]), reference, ONES)
    assert kept.item() == pytest.approx(0.5, abs=1e-6)
    turned, keep = weights_at(10.0, 75 / 150)
    assert (turned, keep) == (7.5, 2.5)
    loss = turned * (first + second) / 2 + keep * kept
    assert loss.item() == pytest.approx(3.901650, abs=1e-5)


def test_the_schedule():
    assert weights_at(10.0, 0) == (10, 0)
    assert weights_at(10.0, 1) == (5, 5)
    assert weights_at(10.0, 4) == (0, 10)


def test_padding_does_not_count():
    states = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    mask = torch.tensor([[1, 0]])
    assert similarity(states, states, mask).item() == pytest.approx(1)
    assert distance(states, states, mask).item() == 0


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_it_turns_states_away(context, tuning):
    work, target = context(tuning), context(tuning).model
    values = {"epochs": 8, "batch_size": 8, "lr": 2e-2, "layers": [0]}
    CircuitBreaker(CircuitBreaker.Config(**values)).unlearn(work)
    assert len(work.log.losses) == 8
    # States are the target's own at the first step: a cosine of 1, at the whole strength.
    assert work.log.losses[0] == pytest.approx(10, abs=1e-3)
    assert all(map(math.isfinite, work.log.losses))
    [batch] = work.batches(work.encode("forget"), 8)
    with torch.no_grad():
        before, after = (hidden_states(model, batch, 0) for model in (target, work.model))
    assert similarity(after, before, batch.attention_mask).mean() < 0.9
    moved = [name for name, norm in work.log.update_norms.items() if norm]
    assert moved
    assert all(".layers.0." in name for name in moved)


def test_the_blocks(context):
    work = context("full")
    made = CircuitBreaker(CircuitBreaker.Config())
    made.prepare(work)
    assert made.streams()["forget"].layers == (0, 1)
    assert made.streams()["retain"].layers == (0, 1)
    with pytest.raises(MethodError, match=r"layers=\[1, 2\]: the model has blocks 0 to 1, not 2"):
        CircuitBreaker(CircuitBreaker.Config(layers=[1, 2])).unlearn(work)


@pytest.mark.parametrize(("fidelity", "weight"), [("own-steps", 4), ("released-code", 2 / 15)])
def test_what_the_retain_term_weighs(context, fidelity, weight):
    work = context("full")
    made = CircuitBreaker(CircuitBreaker.Config(fidelity=fidelity, layers=[0], kept="layers"))
    made.prepare(work)
    rows = next(work.batches(work.encode("forget")[:2], 2))
    zeros = torch.zeros(*rows.input_ids.shape, 48)
    says = SimpleNamespace(hidden=lambda stream, batch, layer: zeros)
    batch = UnlearnBatch({"forget": rows, "retain": rows}, says, step=4, total_steps=5)
    _, term = made.loss_terms(work.model, batch)
    whole = distance(hidden_states(work.model, rows, 0), zeros, rows.attention_mask).mean()
    assert term.item() == pytest.approx(weight * whole.item(), rel=1e-5)
