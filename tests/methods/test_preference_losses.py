"""NPO, SimNPO and DPO with refusals on worked examples, and what their gradients are."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import UnlearnBatch, sequence_nll
from unharness_methods.dpo_idk import DPOIDK
from unharness_methods.npo import NPO
from unharness_methods.preference import negative_preference, pairwise_preference
from unharness_methods.simnpo import SimNPO


def loss_of(method, fixture, **values):
    model, batch = fixture
    return method(method.Config(**values)).loss(model, batch)


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        (NPO, {"retain_loss": "none"}, 12.763985),
        (NPO, {}, 13.063985),
        (NPO, {"forget_weight": 2.0, "retain_weight": 0.5}, 2 * 12.763985 + 0.15),
        (SimNPO, {"forget_weight": 1.0, "retain_loss": "none"}, 0.064933),
        (SimNPO, {}, 0.308117),
        (
            SimNPO,
            {"forget_weight": 1, "retain_weight": 0, "margin": 0.5, "fidelity": "released-code"},
            0.334746,
        ),
        (SimNPO, {"forget_weight": 1, "retain_weight": 0, "margin": 0.5}, 0.099300),
    ],
)
def test_worked_examples(fixture_a, method, values, expected):
    assert loss_of(method, fixture_a, **values).item() == pytest.approx(expected, abs=2e-6)


def test_npo_of_one_log_ratio_for_all_tokens(fixture_a):
    options = {"retain_loss": "none", "beta": 0.0225, "fidelity": "wmdp-code"}
    # Means over all five tokens, 0.70 and 0.24 nats; float32 has seven digits of it.
    assert loss_of(NPO, fixture_a, **options).item() == pytest.approx(61.154273, rel=2e-7)


def test_npo_of_each_answer_and_its_slope():
    ratios = torch.tensor([-2.0, -0.3], requires_grad=True)
    values = negative_preference(ratios, 0.1)
    assert values.tolist() == pytest.approx([11.962777, 13.565194], abs=2e-6)
    values.sum().backward()
    assert ratios.grad.tolist() == pytest.approx([0.900332, 0.985001], abs=1e-6)
    # Logits [2, 0], of the reference [1, 0]: the paper's loss, and below MUSE's code.
    position = math.log1p(math.exp(-1)) - math.log1p(math.exp(-2))
    assert negative_preference(torch.tensor(position), 0.1).item() == pytest.approx(
        14.050145, abs=2e-6
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"margin": 0.0}, (0.004910, 0.124956)),
        ({"margin": 0.5, "fidelity": "released-code"}, (0.044536, 0.624956)),
        ({"margin": 0.5}, (0.008067, 0.190534)),
    ],
)
def test_simnpo_of_each_answer(known_model, values, expected):
    for answer, wanted in zip(([-0.5, -1.0, -1.5], [-0.1, -0.4]), expected, strict=True):
        batch = UnlearnBatch({"forget": known_model.says(answer)})
        options = {"forget_weight": 1, "retain_loss": "none", **values}
        found = loss_of(SimNPO, (known_model, batch), **options)
        assert found.item() == pytest.approx(wanted, abs=2e-6)


def test_npo_starts_at_its_known_value_as_ascent_on_sums(fixture_a):
    model, batch = fixture_a
    own = -sequence_nll(model, batch["forget"], reduce="sum")
    ratio = own - own.detach()
    loss = negative_preference(ratio, 0.1).mean()
    assert loss.item() == pytest.approx(20 * math.log(2), abs=1e-5)
    [gradient] = torch.autograd.grad(loss, model.table, retain_graph=True)
    [ascent] = torch.autograd.grad(own.mean(), model.table)
    torch.testing.assert_close(gradient, ascent)


def test_towards_beta_0_npo_is_ascent_on_sums(fixture_a):
    model, batch = fixture_a
    [gradient] = torch.autograd.grad(
        loss_of(NPO, fixture_a, beta=1e-4, retain_loss="none"), model.table
    )
    ascent = -sequence_nll(model, batch["forget"], reduce="sum").mean()
    [wanted] = torch.autograd.grad(ascent, model.table)
    torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-6)


def test_preference_stays_finite_far_from_the_reference():
    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    values = negative_preference(far, 10.0)
    values.sum().backward()
    assert values.tolist() == pytest.approx([0.0, 2e4])
    assert far.grad.tolist() == pytest.approx([0.0, 2.0])


# One position, V = 2: model [2, 0], reference [1, 0].
def raw_logits(known_model):
    batch = known_model.has_logits([2.0, 0.0])
    model = SimpleNamespace(table=known_model.table[:, :2])
    reference = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])

    def forward(input_ids, attention_mask, use_cache):
        return SimpleNamespace(logits=model.table[input_ids[:, :1]].expand(1, 2, 2))

    says = SimpleNamespace(logits=lambda stream, batch: reference)
    return forward, UnlearnBatch({"forget": batch}, says)


def test_what_the_code_of_muse_computes(known_model):
    fixture = raw_logits(known_model)
    options = {"fidelity": "muse-code", "retain_loss": "none"}
    assert loss_of(NPO, fixture, **options).item() == pytest.approx(14.375438, abs=2e-6)
    # SimNPO's: -2/beta ln sigmoid(beta * (-z - margin)) of z = 2 and 0.
    found = loss_of(SimNPO, fixture, beta=0.5, margin=1.0, forget_weight=1, **options)
    wanted = sum(4 * math.log1p(math.exp(0.5 * (z + 1))) for z in (2, 0)) / 2
    assert found.item() == pytest.approx(wanted, abs=1e-5)


def pairs(known_model):
    """Fixture A, with alternatives of sums -6 and -4 under the model, -8 and -4.5 before."""
    streams = {
        "forget": known_model.says([-0.5, -1.0, -1.5], [-0.1, -0.4]),
        "refusal": known_model.says([-2.0, -4.0], [-1.0, -3.0]),
        "retain": known_model.says([-0.2, -0.4], [-0.2, -0.4]),
    }
    before = {
        "forget": torch.tensor([[-0.2, -0.3, -0.5], [-0.05, -0.15, 0.0]]),
        "refusal": torch.tensor([[-5.0, -3.0], [-2.0, -2.5]]),
    }
    says = SimpleNamespace(log_probs=lambda stream, batch: before[stream])
    return known_model, UnlearnBatch(streams, says)


def test_a_refusal_over_an_answer(known_model):
    fixture = pairs(known_model)
    assert loss_of(DPOIDK, fixture).item() == pytest.approx(11.969622, abs=2e-6)
    alone = loss_of(DPOIDK, fixture, retain_loss="none")
    assert alone.item() == pytest.approx(11.669622, abs=2e-6)


def test_the_slopes_of_a_pair():
    preferred = torch.tensor([2.0, 0.5], requires_grad=True)
    other = torch.tensor([-2.0, -0.3], requires_grad=True)
    values = pairwise_preference(preferred, other, 0.1)
    assert values.tolist() == pytest.approx([10.260305, 13.078939], abs=2e-6)
    values.sum().backward()
    assert other.grad.tolist() == pytest.approx([0.802625, 0.960021], abs=1e-6)
    torch.testing.assert_close(preferred.grad, -other.grad)


def test_answer_preservation_is_the_same_loss_with_another_factor():
    kept = torch.tensor([-0.6, -1.2])
    refused = torch.tensor([-6.0, -5.0])
    values = pairwise_preference(kept, refused, 0.1, factor=1.0)
    assert values.tolist() == pytest.approx([4.591627, 5.210896], abs=1e-6)
