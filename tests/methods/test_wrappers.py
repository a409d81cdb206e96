"""SAM, GRU and SURE: worked examples, and around real losses."""

import copy
import math

import pytest
import torch

from unharness import UsageError
from unharness.pipeline.method_choice import make_method, method_source
from unharness.registry import registry
from unharness_methods.gradients import length, product
from unharness_methods.gru import GRU, rectified
from unharness_methods.npo_sam import NPOSAM, move_along, put_back
from unharness_methods.sure import SURE, salient_rows

WRAPPERS = [NPOSAM, GRU, SURE]


class Bowl(torch.nn.Module):
    """½ · (θ₁² + 4 · θ₂²) at θ = (1, 2)."""

    def __init__(self):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor([1.0, 2.0]))

    def gradient(self):
        loss = (self.theta.square() * torch.tensor([1.0, 4.0])).sum() / 2
        [found] = torch.autograd.grad(loss, self.theta)
        return {"theta": found}


def test_the_gradient_at_the_worst_weights_nearby():
    model = Bowl()
    at_theta = model.gradient()
    assert at_theta["theta"].tolist() == [1, 8]
    before = move_along(model, at_theta, 0.1)
    shift = model.theta.detach() - before["theta"]
    assert shift.tolist() == pytest.approx([0.012403, 0.099228], abs=1e-6)
    assert model.gradient()["theta"].tolist() == pytest.approx([1.012403, 8.396911], abs=1e-6)
    put_back(model, before)
    assert model.theta.tolist() == [1, 2]
    assert move_along(model, {"theta": torch.zeros(2)}, 0.1) == {}


def test_a_gradient_that_opposes_is_rectified():
    forget, retain = {"w": torch.tensor([1.0, -2.0])}, {"w": torch.tensor([1.0, 1.0])}
    found = rectified(forget, retain)
    assert found["w"].tolist() == [1.5, -1.5]
    assert product(found, retain) == pytest.approx(0)
    assert rectified({"w": torch.tensor([1.0, 2.0])}, retain)["w"].tolist() == [1.0, 2.0]
    assert length(forget) == pytest.approx(math.sqrt(5))


def test_the_moving_mean_of_the_retain_gradient(context):
    work = context("full")
    made = GRU(GRU.Config(ema=0.8, retain_gradient=0.5))
    made.prepare(work)
    forget = {"w": torch.tensor([1.0, -2.0])}
    first = made.combine_gradients([forget, {"w": torch.tensor([1.0, 1.0])}])
    assert first["w"].tolist() == [2.0, -1.0]  # rectified, and half of the retain gradient
    made.combine_gradients([forget, {"w": torch.tensor([0.0, -1.0])}])
    assert made._mean["w"].tolist() == pytest.approx([0.2, -0.6])
    assert work.report["rectified_steps"] == 1


def test_rows_at_or_above_a_percentile():
    table = torch.diag(torch.tensor([0.1, 0.5, 1.0, 2.0]))
    assert salient_rows({"w": table}, 90)["w"].tolist() == [False, False, False, True]
    assert salient_rows({"w": table}, 0)["w"].all()
    both = salient_rows({"w": table, "b": torch.tensor([-3.0, 0.0])}, 80)
    assert both["b"].tolist() == [True, False]


def train(wrapper, context, tuning, **values):
    work = context(tuning)
    before = copy.deepcopy(dict(work.model.named_parameters()))
    given = {"epochs": 2, "batch_size": 2, "lr": 1e-3, **values}
    wrapper(wrapper.Config(**given)).unlearn(work)
    after = dict(work.model.named_parameters())
    return work, {name: after[name] - before[name] for name in after}


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("base", ["npo:retain_loss=kl", "gradient-difference"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_around_a_loss(context, wrapper, base, tuning):
    work, changes = train(wrapper, context, tuning, base=base)
    assert len(work.log.losses) == 6
    assert all(map(math.isfinite, work.log.losses))
    assert any(change.any() for change in changes.values())


def test_a_small_radius_is_the_base_alone_and_a_large_one_is_not(context):
    plain = context("full")
    method = registry().get("methods", "npo")
    given = {"epochs": 2, "batch_size": 2, "lr": 1e-3}
    method(method.Config(**given)).unlearn(plain)
    near, _ = train(NPOSAM, context, "full", rho=1e-7)
    far, _ = train(NPOSAM, context, "full", rho=1.0)
    assert near.log.losses == pytest.approx(plain.log.losses, rel=1e-4)
    assert far.log.losses[-1] != pytest.approx(plain.log.losses[-1], rel=1e-4)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_rows_that_do_not_matter_stay(context, tuning):
    work, changes = train(SURE, context, tuning, percentile=90)
    moved = {
        name: int(change.reshape(len(change), -1).any(dim=1).sum())
        for name, change in changes.items()
    }
    assert 0 < sum(moved.values()) <= work.report["rows"]["trained"]
    assert work.report["rows"]["trained"] <= 0.12 * work.report["rows"]["all"]
    if tuning == "lora":
        assert all(".lora_B." in name for name, count in moved.items() if count)


@pytest.mark.parametrize(
    ("wrapper", "values", "message"),
    [
        (NPOSAM, {"base": "task-vector"}, "base='task-vector' has no loss"),
        (GRU, {"base": "sure"}, "base='sure' is itself around another method"),
        (SURE, {"base": "nop"}, "unknown method 'nop'"),
        (SURE, {"base": "npo:beta=0"}, "method 'npo': beta=0: Input should be greater than 0"),
        (SURE, {"base": "npo:gamma=1"}, "method 'npo' has no hyperparameter 'gamma'"),
        (NPOSAM, {"base": "npo:lr=1"}, "lr is a hyperparameter of 'npo-sam', set it there"),
        (GRU, {"base": "gradient-ascent"}, "needs a base whose loss has a term of its own on the"),
        (GRU, {"base": "npo:retain_weight=0"}, "needs a base whose loss has a term of its own"),
        (SURE, {"weight_decay": 0.1}, "weight_decay must be 0"),
    ],
)
def test_bad_input(wrapper, values, message):
    with pytest.raises(UsageError, match=message):
        make_method(wrapper, "micro", values)


def test_what_a_run_is_known_by():
    found = [
        make_method(NPOSAM, "", {"base": base})
        for base in ("npo", "npo:beta=0.1", "npo:beta=0.2", "simnpo")
    ]
    assert [one.config.base for one in found] == ["npo", "npo", "npo:beta=0.2", "simnpo"]
    sources = [method_source(one) for one in found]
    assert sources[0] == sources[1] == sources[2] != sources[3]
    assert set(found[2].streams()) == {"forget", "retain"}
