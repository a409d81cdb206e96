"""The out-of-distribution variants: general text in the place of the retain set."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import Stream, TokenBatch, UnlearnBatch
from unharness_methods.gradient_difference import GradientDifference
from unharness_methods.gradient_difference_ood import GradientDifferenceOOD
from unharness_methods.kl import GradientAscentKL
from unharness_methods.kl_ood import GradientAscentKLOOD

N = -100
LN = math.log


class Bigram(torch.nn.Module):
    """The logits at a position are its token's row of a table."""

    def __init__(self, table):
        super().__init__()
        self.table = torch.nn.Parameter(table.clone())

    def forward(self, input_ids, attention_mask, use_cache=True):
        return SimpleNamespace(logits=self.table[input_ids])


def one(ids, labels):
    row = torch.tensor([ids])
    return TokenBatch(row, torch.ones_like(row), torch.tensor([labels]))


# After 0 come 0 and 1 with probability 1/4 and 3/4, after 1 with 1/2 each.
MODEL = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
FORGET = one([0, 1], [N, 1])  # NLL ln(4/3)
RETAIN = one([0, 0], [N, 0])  # NLL ln 4
GENERAL = one([1, 0], [N, 0])  # NLL ln 2


class Says:
    """A reference model that gives the same logits for everything."""

    def __init__(self, logits):
        self._logits = logits

    def logits(self, stream, batch):
        return self._logits

    def scored_logits(self, stream, batch):
        return self._logits[:, :-1][batch.labels[:, 1:] != N]


EVEN = Says(torch.zeros(1, 2, 2))
BATCH = UnlearnBatch({"forget": FORGET, "retain": RETAIN, "general": GENERAL}, EVEN)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (GradientDifference, -0.5 * LN(4 / 3) + 3 * LN(4)),
        (GradientDifferenceOOD, -0.5 * LN(4 / 3) + 3 * LN(2)),
    ],
)
def test_gradient_difference_by_hand(method, expected):
    config = method.Config(forget_weight=0.5, retain_weight=3.0)
    assert method(config).loss(Bigram(MODEL), BATCH).item() == pytest.approx(expected, abs=1e-6)


def test_kl_by_hand():
    # On the retain set 1/2 ln(2) + 1/2 ln(2/3); on general text model and reference agree.
    divergence = 0.5 * LN(2) + 0.5 * LN(2 / 3)
    for method, kept in ((GradientAscentKL, divergence), (GradientAscentKLOOD, 0.0)):
        config = method.Config(forget_weight=0.5, kl_weight=3.0)
        loss = method(config).loss(Bigram(MODEL), BATCH)
        assert loss.item() == pytest.approx(-0.5 * LN(4 / 3) + 3 * kept, abs=1e-6)


def test_only_what_is_used_is_asked_for():
    asked = Stream("general", reference=frozenset({"logits"}))
    without = UnlearnBatch({"forget": FORGET, "general": GENERAL}, EVEN)
    for method, stream in (
        (GradientDifferenceOOD, Stream("general")),
        (GradientAscentKLOOD, asked),
    ):
        assert method(method.Config()).streams() == {"general": stream}
        assert math.isfinite(method(method.Config()).loss(Bigram(MODEL), without).item())


def test_variants_share_their_defaults_and_presets():
    for plain, ood in (
        (GradientDifference, GradientDifferenceOOD),
        (GradientAscentKL, GradientAscentKLOOD),
    ):
        assert ood.defaults_for("tiny") == plain.defaults_for("tiny") != {}
        assert ood.presets == plain.presets
        assert ood.name == f"{plain.name}-ood"


def test_released_code_kl_is_cross_entropy_over_every_position():
    # Two examples, the second padded; reference and model differ at every position.
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(5, 5, generator=generator)
    ids = torch.tensor([[1, 2, 3, 4], [2, 2, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    labels = torch.tensor([[N, N, 3, 4], [N, 2, N, N]])
    retain = TokenBatch(ids, mask, labels)
    reference = torch.randn(2, 4, 5, generator=generator)
    method = GradientAscentKL(
        GradientAscentKL.Config(fidelity="released-code", forget_weight=0.0, kl_weight=2.0)
    )
    assert method.streams()["retain"].everywhere
    assert not GradientAscentKL(GradientAscentKL.Config()).streams()["retain"].everywhere
    own = Bigram(table)
    loss = method.loss(own, UnlearnBatch({"forget": FORGET, "retain": retain}, Says(reference)))
    loss.backward()
    exact = Bigram(table.double())
    wanted = reference.double().softmax(-1)
    expected = -2 * (wanted * exact.table[ids].log_softmax(-1)).sum(-1).mean()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    torch.testing.assert_close(own.table.grad.double(), exact.table.grad, rtol=1e-5, atol=1e-7)
