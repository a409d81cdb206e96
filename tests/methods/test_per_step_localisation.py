"""MemFlex's iterative form: the region of every step, whatever the micro-batches."""

from types import SimpleNamespace

import pytest
import torch

from unharness import MethodError, UnlearnBatch
from unharness.data.batches import collate
from unharness.data.encoding import Encoded
from unharness.training.hooks import TermGradients
from unharness.training.loop import train
from unharness.training.steps import MicroBatch, Step
from unharness_methods.memflex import MemFlex


class Two(torch.nn.Module):
    """Logits are the sum of two tables' rows; the second sees the token's parity alone."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = torch.nn.Parameter(torch.randn(6, 6, generator=generator))
        self.second = torch.nn.Parameter(torch.randn(2, 6, generator=generator))

    def forward(self, input_ids, attention_mask=None, use_cache=True):
        return SimpleNamespace(logits=self.first[input_ids] + self.second[input_ids % 2])


FORGET = [Encoded((1, 2, 3), 1, False), Encoded((3, 4, 5, 1), 2, False), Encoded((5, 0), 1, False)]
RETAIN = [Encoded((2, 1, 1), 1, False), Encoded((4, 3), 1, False), Encoded((0, 5, 2), 1, False)]


def batch(rows):
    sets = {"forget": FORGET, "retain": RETAIN}
    return UnlearnBatch({name: collate([made[i] for i in rows], 0) for name, made in sets.items()})


def memflex(**settings):
    method = MemFlex(MemFlex.Config(localise="every-step", **settings))
    report = {}
    method.prepare(SimpleNamespace(report=report))
    return method, report


def gradients(method, model, parts):
    model.zero_grad()
    terms = TermGradients()
    for rows in parts:
        for index, term in enumerate(method.loss_terms(model, batch(rows))):
            (term * len(rows) / len(FORGET)).backward()
            terms.take(index, model)
    assert method.separate_gradients
    terms.put_back(model, method, {})
    return {name: value.grad.clone() for name, value in model.named_parameters()}


def by_hand(model):
    """The two likelihoods' gradients of the whole step."""
    found = []
    for rows in (FORGET, RETAIN):
        model.zero_grad()
        whole = collate(rows, 0)
        total = torch.zeros(())
        log_probs = model(whole.input_ids).logits[:, :-1].log_softmax(-1)
        for row in range(len(rows)):
            scored = (whole.labels[row, 1:] != -100).nonzero()[:, 0]
            targets = whole.labels[row, 1:][scored]
            total = total - log_probs[row, scored, targets].mean() / len(rows)
        total.backward()
        found.append({name: value.grad.clone() for name, value in model.named_parameters()})
    return found


@pytest.mark.parametrize("parts", [[[0, 1, 2]], [[0], [1], [2]], [[2, 0], [1]]])
def test_gradients_inside_the_region_are_the_loss_s_and_0_outside(parts):
    model = Two()
    forget, retain = by_hand(model)
    cosines = {
        name: torch.nn.functional.cosine_similarity(
            forget[name].flatten(), retain[name].flatten(), dim=0
        ).item()
        for name in forget
    }
    inside, outside = sorted(cosines, key=cosines.get)
    assert cosines[inside] < cosines[outside]
    mu = (cosines[inside] + cosines[outside]) / 2
    method, report = memflex(mu=mu, sigma=0.0)
    ours = gradients(method, model, parts)
    wanted = -0.4 * forget[inside] + 2.0 * retain[inside]
    torch.testing.assert_close(ours[inside], wanted, rtol=1e-5, atol=1e-7)
    assert not ours[outside].any()
    region = report["region"]
    assert (region["steps"], region["empty_steps"]) == (1, 0)
    chosen = {item["name"]: item["selected_steps"] for item in region["tensors"]}
    assert chosen == {inside: 1, outside: 0}


def test_everything_in_the_region_is_gradient_difference():
    model = Two()
    forget, retain = by_hand(model)
    method, _ = memflex(mu=1.0, sigma=0.0)
    ours = gradients(method, model, [[0, 1], [2]])
    for name, value in ours.items():
        expected = -0.4 * forget[name] + 2.0 * retain[name]
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-7)


def test_a_region_that_is_always_empty_is_refused():
    method, report = memflex(mu=-1.0, sigma=0.0)
    model = Two()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    step = Step((MicroBatch(lambda: batch([0, 1, 2]), 1.0, 8),), 3)
    wrapped = torch.nn.ModuleDict({"inner": model})  # Trainer wants nothing but a module
    wrapped.forward = model.forward
    config = method.config.model_copy(update={"epochs": 1})
    log = train(
        wrapped,
        [step] * 2,
        method.loss_terms,
        config,
        seed=0,
        hooks=method,
    )
    assert len(log.losses) == 2
    assert report["region"]["empty_steps"] == 2
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name])
    with pytest.raises(MethodError, match="empty at every one of 2 steps"):
        method._steps.refuse_if_never()


@pytest.mark.parametrize("name", ["draws", "replaced", "localise_on", "fidelity"])
def test_what_only_the_one_time_localisation_uses_is_refused(name):
    values = {"draws": 3, "replaced": 0.5, "localise_on": "train", "fidelity": "paper"}
    with pytest.raises(ValueError, match=f"{name} cannot be set with localise=every-step"):
        MemFlex.Config(localise="every-step", **{name: values[name]})
