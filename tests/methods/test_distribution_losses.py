"""UNDIAL, CE-U, IHL and maximum entropy on worked examples, in value and gradient."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import TokenBatch, UnlearnBatch
from unharness_methods.ce_u import CEU, unlikelihood
from unharness_methods.ihl import IHL, inverted_hinge
from unharness_methods.max_entropy import MaxEntropy, divergence_from_uniform, with_questions
from unharness_methods.undial import UNDIAL, adjusted_distillation

# METHODS.md, fixture B: logits, of which the first is the true token's.
LOGITS = torch.tensor([[2.0, 1.0, 0.0]])
TRUE = torch.tensor([0])
PROBABILITIES = LOGITS.softmax(dim=-1)[0]


def gradient(formula):
    logits = LOGITS.clone().requires_grad_()
    formula(logits).sum().backward()
    return logits.grad[0]


def test_undial():
    value = adjusted_distillation(LOGITS, LOGITS, TRUE, 3.0)
    assert value.item() == pytest.approx(1.562304, abs=1e-6)
    wanted = torch.tensor([0.090031, 0.665241, 0.244728])
    found = gradient(lambda logits: adjusted_distillation(logits, LOGITS, TRUE, 3.0))
    torch.testing.assert_close(found, PROBABILITIES - wanted, rtol=0, atol=1e-6)
    entropy = torch.special.entr(PROBABILITIES - found).sum().item()
    assert entropy == pytest.approx(0.832396, abs=1e-6)
    assert value.item() - entropy == pytest.approx(0.729908, abs=1e-6)  # the divergence


@pytest.mark.parametrize(
    ("p", "beta", "left"),
    [
        (0.9, 3, 0.309),
        (0.9, 10, 0.000408),
        (0.9, 30, 8.42e-13),
        (0.99, 3, 0.831),
        (0.99, 10, 0.00447),
        (0.99, 30, 9.26e-12),
        (0.999, 3, 0.980),
        (0.999, 10, 0.0434),
        (0.999, 30, 9.35e-11),
    ],
)
def test_undial_leaves_a_known_token_what_is_computed_for_it(p, beta, left):
    # The gradient is p - q, so it ends where the model's probability is q, of the true token
    # p e^-beta / (1 - p (1 - e^-beta)).
    logits = torch.tensor([[p, 1 - p]], dtype=torch.float64).log().requires_grad_()
    adjusted_distillation(logits, logits.detach(), TRUE, beta).sum().backward()
    wanted = p * math.exp(-beta) / (1 - p * (1 - math.exp(-beta)))
    assert wanted == pytest.approx(left, rel=2e-3)
    assert p - logits.grad[0, 0].item() == pytest.approx(wanted, abs=3e-7)  # in float32


def test_ce_u():
    assert unlikelihood(LOGITS, TRUE).item() == pytest.approx(1.094344, abs=1e-6)

    def cross_entropy(logits):
        wanted = logits.detach().scatter(1, TRUE[:, None], -torch.inf).softmax(dim=-1)
        return torch.nn.functional.cross_entropy(logits, wanted, reduction="none")

    assert cross_entropy(LOGITS).item() == pytest.approx(1.676547, abs=1e-6)
    found = gradient(lambda logits: unlikelihood(logits, TRUE))
    torch.testing.assert_close(found, gradient(cross_entropy), rtol=0, atol=1e-6)
    expected = [0.665241, -0.486330, -0.178911]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)
    entropy = cross_entropy(LOGITS) - unlikelihood(LOGITS, TRUE)  # of [0, 0.731059, 0.268941]
    assert entropy.item() == pytest.approx(0.582203, abs=1e-6)


def test_ce_u_has_its_whole_gradient_where_a_token_is_certain():
    logits = torch.tensor([[40.0, 1.0, 0.0]], requires_grad=True)
    value = unlikelihood(logits, TRUE)
    value.sum().backward()
    assert value.item() == pytest.approx(40 - math.log(math.e + 1), abs=1e-5)
    expected = [1.0, -0.731059, -0.268941]
    assert logits.grad[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_ihl():
    assert inverted_hinge(LOGITS, TRUE).item() == pytest.approx(1.420512, abs=1e-6)
    assert inverted_hinge(LOGITS, torch.tensor([2])).item() == pytest.approx(0.424790, abs=1e-6)
    # d(p_0 - p_1)/dz_v = p_v * ([v = 0] - [v = 1] - (p_0 - p_1))
    gap = PROBABILITIES[0] - PROBABILITIES[1]
    wanted = PROBABILITIES * (torch.tensor([1.0, -1.0, 0.0]) - gap)
    torch.testing.assert_close(gradient(lambda logits: inverted_hinge(logits, TRUE)), wanted)


def test_max_entropy():
    forward = divergence_from_uniform(LOGITS, "uniform-to-model")
    backward = divergence_from_uniform(LOGITS, "model-to-uniform")
    assert forward.item() == pytest.approx(0.308994, abs=1e-6)
    assert backward.item() == pytest.approx(0.266217, abs=1e-6)
    found = gradient(lambda logits: divergence_from_uniform(logits, "uniform-to-model"))
    torch.testing.assert_close(found, PROBABILITIES - 1 / 3)


class Positions(torch.nn.Module):
    """Gives the logits of each position, whatever the tokens."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, input_ids, attention_mask, use_cache=True):
        return SimpleNamespace(logits=self.logits)


# A question of one token, then answers of two tokens and of one, and padding.
IDS = torch.tensor([[0, 1, 2], [1, 0, 2]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
LABELS = torch.tensor([[-100, 1, 2], [-100, 0, -100]])
BATCH = UnlearnBatch({"forget": TokenBatch(IDS, MASK, LABELS)})


@pytest.fixture
def model():
    generator = torch.Generator().manual_seed(5)
    return Positions(torch.randn(2, 3, 4, generator=generator))


def rows(model, *places):
    return [model.logits[row, at] for row, at in places]


def ce_u(logits, token):
    return -math.log(1 - logits.softmax(-1)[token].item())


def test_ce_u_skips_the_first_tokens_of_an_answer(model):
    every = CEU(CEU.Config(retain_loss="none", skip_tokens=0)).loss(model, BATCH)
    one, two, three = rows(model, (0, 0), (0, 1), (1, 0))
    wanted = ((ce_u(one, 1) + ce_u(two, 2)) / 2 + ce_u(three, 0)) / 2
    assert every.item() == pytest.approx(wanted, abs=1e-6)
    # The second answer has nothing left: it counts 0 in the mean over examples.
    later = CEU(CEU.Config(retain_loss="none")).loss(model, BATCH)
    assert later.item() == pytest.approx(ce_u(two, 2) / 2, abs=1e-6)
    pooled = CEU(CEU.Config(fidelity="released-code")).loss(model, BATCH)  # no retain term
    assert pooled.item() == pytest.approx(ce_u(two, 2), abs=1e-6)


def test_ihl_averages_over_examples_or_over_tokens(model):
    one, two, three = (
        inverted_hinge(logits[None], torch.tensor([token])).item()
        for logits, token in zip(rows(model, (0, 0), (0, 1), (1, 0)), (1, 2, 0), strict=True)
    )
    by_example = IHL(IHL.Config(retain_loss="none")).loss(model, BATCH)
    assert by_example.item() == pytest.approx(((one + two) / 2 + three) / 2, abs=1e-6)
    pooled = IHL(IHL.Config(retain_loss="none", fidelity="released-code")).loss(model, BATCH)
    assert pooled.item() == pytest.approx((one + two + three) / 3, abs=1e-6)


def test_max_entropy_leaves_out_rows_that_no_token_has(model):
    method = MaxEntropy(MaxEntropy.Config(retain_loss="none", forget_weight=1))
    method.prepare(SimpleNamespace(tokenizer=range(3)))
    one, two, three = (
        divergence_from_uniform(logits[None, :3], "uniform-to-model").item()
        for logits in rows(model, (0, 0), (0, 1), (1, 0))
    )
    found = method.loss(model, BATCH)
    assert found.item() == pytest.approx(((one + two) / 2 + three) / 2, abs=1e-6)


def test_max_entropy_of_the_released_code_scores_questions_but_no_padding(model):
    longer = TokenBatch(IDS, MASK, LABELS.masked_fill(LABELS == 1, -100))
    assert with_questions(longer).labels.tolist() == [[-100, 1, 2], [-100, 0, -100]]
    config = MaxEntropy.Config(retain_loss="none", forget_weight=1, fidelity="released-code")
    found = MaxEntropy(config).loss(model, UnlearnBatch({"forget": longer}))
    values = [
        divergence_from_uniform(logits[None], "uniform-to-model").item()
        for logits in rows(model, (0, 0), (0, 1), (1, 0))
    ]
    assert found.item() == pytest.approx(sum(values) / 3, abs=1e-6)


def test_undial_of_the_released_code_takes_every_position(model):
    reference = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(6))
    scored = LABELS[:, 1:] != -100
    says = SimpleNamespace(
        logits=lambda stream, batch: reference,
        scored_logits=lambda stream, batch: reference[:, :-1][scored],
    )
    batch = UnlearnBatch(BATCH.streams, says)

    def value(row, at):
        token = IDS[row, at + 1][None]
        return adjusted_distillation(
            model.logits[row, at][None], reference[row, at][None], token, 10.0
        ).item()

    by_example = UNDIAL(UNDIAL.Config()).loss(model, batch)
    wanted = ((value(0, 0) + value(0, 1)) / 2 + value(1, 0)) / 2
    assert by_example.item() == pytest.approx(wanted, abs=1e-5)
    method = UNDIAL(UNDIAL.Config(fidelity="released-code"))
    assert method.streams()["forget"].everywhere
    every = [value(row, at) for row in (0, 1) for at in (0, 1)]
    assert method.loss(model, batch).item() == pytest.approx(sum(every) / 4, abs=1e-5)
