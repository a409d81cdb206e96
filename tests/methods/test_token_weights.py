"""WGA, TNPO, WTNPO and SatImp on worked examples, and which bounded losses they minimise."""

import pytest
import torch

from unharness import scored_log_probs, scored_positions, token_mean
from unharness_methods.token_weights import TNPO, WGA, WTNPO, SatImp, importance, ratio_weights

WORKED = [
    # method, hyperparameters, one mean of all tokens, mean over examples
    (WGA, {"beta": 1}, -0.272890, -0.257293),
    (WGA, {"beta": 5}, -0.032679, -0.036798),
    (TNPO, {"beta": 4}, -0.141051, -0.142974),
    (WTNPO, {"beta": 4, "extra": 1.5}, -0.067235, -0.072327),
    (SatImp, {"beta1": 5, "beta2": 0.1}, -0.028204, -0.031536),
    (SatImp, {"beta1": 5, "beta2": 1}, -0.008934, -0.009413),
]


@pytest.mark.parametrize(("method", "values", "pooled", "by_example"), WORKED)
def test_worked_examples(fixture_a, method, values, pooled, by_example):
    model, batch = fixture_a
    for fidelity, expected in (("released-code", pooled), ("per-example", by_example)):
        config = method.Config(retain_loss="none", fidelity=fidelity, **values)
        loss = method(config).loss(model, batch)
        assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_the_retain_term_is_added_with_its_weight(fixture_a):
    model, batch = fixture_a
    loss = SatImp(SatImp.Config()).loss(model, batch)
    assert loss.item() == pytest.approx(-0.031536 + 0.1 * 0.3, abs=1e-6)


def test_weights_of_tnpo():
    own = torch.tensor([-0.5, -1.0, -1.5, -0.1, -0.4])
    before = torch.tensor([-0.2, -0.3, -0.5, -0.05, -0.15])
    expected = [0.462943, 0.114645, 0.035970, 0.900326, 0.537876]
    assert ratio_weights(own, before, 4.0).tolist() == pytest.approx(expected, abs=1e-6)


def gradient(loss, model):
    [found] = torch.autograd.grad(loss, model.table)
    return found


@pytest.mark.parametrize("beta", [0.5, 1.0, 5.0])
def test_wga_minimises_the_mean_of_p_to_beta(fixture_a, beta):
    model, batch = fixture_a
    loss = WGA(WGA.Config(beta=beta, retain_loss="none")).loss(model, batch)
    own, scored = scored_log_probs(model, batch["forget"]), scored_positions(batch["forget"])
    bounded = token_mean((beta * own).exp() / beta, scored)
    torch.testing.assert_close(gradient(loss, model), gradient(bounded, model))
    if beta == 1:
        assert bounded.item() == pytest.approx(0.593379, abs=1e-6)
        pooled = token_mean(own.exp(), scored, pooled=True)
        assert pooled.item() == pytest.approx(0.554540, abs=1e-6)


def test_tnpo_minimises_npo_of_tokens(fixture_a):
    model, batch = fixture_a
    config = TNPO.Config(retain_loss="none", fidelity="released-code")
    loss = TNPO(config).loss(model, batch)
    own, scored = scored_log_probs(model, batch["forget"]), scored_positions(batch["forget"])
    ratios = own - batch.reference.log_probs("forget")
    bounded = token_mean(0.5 * torch.nn.functional.softplus(4 * ratios), scored, pooled=True)
    assert bounded.item() == pytest.approx(0.125187, abs=1e-6)
    torch.testing.assert_close(gradient(loss, model), gradient(bounded, model), rtol=1e-3, atol=0)


def test_weights_have_no_gradient_and_are_finite_where_a_token_is_certain():
    certain = torch.tensor([0.0, -1e-9, -1e-3])
    found = importance(certain, 0.1)
    assert found.isfinite().all()
    assert found[0] == 0
    assert importance(certain, 0.0).tolist() == [1.0, 1.0, 1.0]
