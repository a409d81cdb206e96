"""JensUn, FLAT, and the Jensen-Shannon divergence from the reference, on worked examples."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import Stream, UnlearnBatch
from unharness.training.divergence import position_jsd, position_kl
from unharness_methods.flat import FLAT, forgotten_part, preferred_part
from unharness_methods.jensun import JensUn, divergence_from_token

LOGITS = torch.tensor([[2.0, 1.0, 0.0]])


def test_the_divergence_from_a_token():
    own = LOGITS.log_softmax(dim=-1)[:, 2]
    assert divergence_from_token(own).item() == pytest.approx(0.537785, abs=1e-6)
    assert divergence_from_token(torch.tensor([0.0])).item() == pytest.approx(0, abs=1e-6)
    assert divergence_from_token(torch.tensor([-100.0])).item() == pytest.approx(math.log(2))


def test_the_divergence_between_two_distributions():
    one_hot = torch.tensor([[-1e9, -1e9, 0.0]])
    assert position_jsd(LOGITS, one_hot).item() == pytest.approx(0.537785, abs=1e-6)
    assert position_jsd(LOGITS, LOGITS + 3).item() == pytest.approx(0, abs=1e-7)
    assert position_jsd(LOGITS, LOGITS.flip(1)).item() == pytest.approx(
        position_jsd(LOGITS.flip(1), LOGITS).item()
    )


def test_jensun(known_model):
    streams = {"forget": known_model.has_logits([2.0, 1.0, 0.0], true=2)}
    streams["retain"] = known_model.has_logits([2.0, 1.0, 0.0])
    wanted = torch.full((1, 64), -1e9)
    wanted[0, 2] = 0.0
    says = SimpleNamespace(scored_logits=lambda stream, batch: wanted)
    batch = UnlearnBatch(streams, says)
    alone = JensUn(JensUn.Config(retain_loss="none")).loss(known_model, batch)
    assert alone.item() == pytest.approx(0.537785, abs=1e-6)
    both = JensUn(JensUn.Config(retain_weight=2)).loss(known_model, batch)
    assert both.item() == pytest.approx(3 * 0.537785, abs=1e-5)


def test_forbidden_tokens_leave_divergences_finite():
    logits = torch.tensor([[1.0, 2.0, -torch.inf], [0.5, -torch.inf, -torch.inf]])
    reference = torch.tensor([[2.0, 1.0, -torch.inf], [0.5, -torch.inf, -torch.inf]])
    for measure in (position_kl, position_jsd):
        own = logits.clone().requires_grad_()
        found = measure(own, reference)
        found.sum().backward()
        assert found.isfinite().all()
        assert own.grad.isfinite().all()
        assert found[0] > 0
        assert found[1] == 0


def test_jensun_answers_every_question_with_its_refusal(context):
    work = context("full")
    made = JensUn(JensUn.Config(refusal="Who knows?", epochs=1, batch_size=8))
    assert made.streams()["forget"] == Stream(
        "forget", answer="fixed", prepared=True, needs_question=True
    )
    made.unlearn(work)
    [split] = work.trainable("forget")
    assert {row.alternatives["fixed"] for row in split.examples} == {("Who knows?",)}
    # Retain divergence is 0 at the first step, and the forget term is at most ln 2.
    assert 0 < work.log.losses[0] < math.log(2) + 1e-6


@pytest.mark.parametrize(
    ("divergence", "expected"),
    [("tv", 0.186362), ("kl", 0.518731), ("pearson", 0.660000), ("js", 0.339162)],
)
def test_flat(known_model, divergence, expected):
    answer, refusal = torch.tensor(0.8), torch.tensor(0.3)
    value = preferred_part(refusal, divergence) + forgotten_part(answer, divergence)
    assert value.item() == pytest.approx(expected, abs=1e-6)
    streams = {
        "forget": known_model.says([math.log(0.7), math.log(0.9)]),
        "refusal": known_model.says([math.log(0.2), math.log(0.4)]),
    }
    made = FLAT(FLAT.Config(divergence=divergence))
    assert made.loss(known_model, UnlearnBatch(streams)).item() == pytest.approx(expected, abs=1e-6)


def test_flat_over_padded_rows(known_model):
    streams = {
        "forget": known_model.says([math.log(0.5)] * 2),
        "refusal": known_model.says([math.log(0.25)] * 2),
    }
    made = FLAT(FLAT.Config(fidelity="released-code"))
    made.prepare(SimpleNamespace(max_length=10))
    wanted = -0.05 + math.exp(0.1 - 1)
    assert made.loss(known_model, UnlearnBatch(streams)).item() == pytest.approx(wanted, abs=1e-6)
