"""From logits to a number per token, and from these to means."""

import pytest
import torch

from unharness import answer_means, position_losses, token_mean

SCORED = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])
VALUES = torch.tensor([1.0, 2.0, 6.0, 5.0])
TABLE = torch.tensor([[1.0, 2.0, 6.0], [torch.nan, 5.0, 9.0], [9.0, 9.0, 9.0]])


@pytest.mark.parametrize("values", [VALUES, TABLE])
def test_means_over_answers_examples_and_tokens(values):
    assert answer_means(values, SCORED).tolist() == [3.0, 5.0, 0.0]
    assert token_mean(values, SCORED).item() == pytest.approx(8 / 3)
    assert token_mean(values, SCORED, pooled=True).item() == 3.5


def test_a_mean_of_nothing_is_0():
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    for pooled in (False, True):
        assert token_mean(torch.zeros(0), nothing, pooled=pooled).item() == 0


def entropy(logits, tokens):
    chosen = logits.gather(1, tokens[:, None])[:, 0]
    return logits.logsumexp(dim=-1) - chosen**2


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_formula_in_parts_has_its_values_and_its_gradient(kind):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(600, 7, generator=generator).to(kind).requires_grad_()
    tokens = torch.randint(7, (600,), generator=generator)
    weights = torch.rand(600, generator=generator)
    seen = []

    def formula(own, chosen):
        assert own.dtype == torch.float32
        seen.append(len(own))
        return entropy(own, chosen)

    found = position_losses(formula, logits, tokens)
    assert max(seen) <= 256
    assert sum(seen) == 600
    (weights * found).sum().backward()
    whole = logits.detach().clone().requires_grad_()
    wanted = entropy(whole.float(), tokens)
    (weights * wanted).sum().backward()
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(logits.grad, whole.grad)


def test_a_formula_of_no_positions_has_no_values():
    logits = torch.zeros(0, 7, requires_grad=True)
    found = position_losses(entropy, logits, torch.zeros(0, dtype=torch.long))
    found.sum().backward()
    assert found.shape == (0,)
