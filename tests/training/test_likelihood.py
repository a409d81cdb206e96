"""Likelihoods against numbers worked out by hand, and against float64."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from unharness import TokenBatch, sequence_nll, token_log_probs

N = -100
LN = math.log


def _logits(rows: list[list[float]]) -> torch.Tensor:
    """Logits of which the softmax gives these probabilities, plus a shift that cancels out."""
    return torch.tensor([[LN(p) + 5.0 for p in row] for row in rows])


# Two examples of three tokens out of a vocabulary of two. Position t predicts the token at t+1.
LOGITS = torch.stack(
    [
        _logits([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]),
        _logits([[0.2, 0.8], [0.125, 0.875], [0.9, 0.1]]),
    ]
)
LABELS = torch.tensor([[N, 1, 0], [N, N, 0]])


def test_token_log_probs_by_hand():
    # Example 0: P(1) = 3/4 at its first position, P(0) = 1/2 at its second. Example 1: its first
    # target is not scored, then P(0) = 1/8. The last position predicts nothing that is known.
    expected = torch.tensor([[LN(0.75), LN(0.5)], [0.0, LN(0.125)]])
    found = token_log_probs(LOGITS, LABELS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


class Stub(torch.nn.Module):
    """Says what it is given to say, whatever it reads."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(logits.clone())

    def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
        assert use_cache is False
        assert input_ids.shape == attention_mask.shape
        return SimpleNamespace(logits=self.table)


def _batch(labels: torch.Tensor) -> TokenBatch:
    return TokenBatch(labels.clamp(min=0), torch.ones_like(labels), labels)


def test_sequence_nll_by_hand():
    model = Stub(LOGITS)
    # Example 0: -(ln 3/4 + ln 1/2) = ln 8/3 over two tokens; example 1: ln 8 over one.
    sums = torch.tensor([LN(8 / 3), LN(8)])
    torch.testing.assert_close(sequence_nll(model, _batch(LABELS), "sum"), sums, rtol=0, atol=1e-6)
    means = torch.tensor([LN(8 / 3) / 2, LN(8)])
    torch.testing.assert_close(sequence_nll(model, _batch(LABELS)), means, rtol=0, atol=1e-6)


def test_nothing_scored_is_zero_and_without_nan_in_the_gradient():
    model = Stub(LOGITS)
    labels = torch.tensor([[N, 1, 0], [N, N, N]])
    values = sequence_nll(model, _batch(labels))
    assert values[1].item() == 0.0
    values.mean().backward()
    assert model.table.grad is not None
    assert bool(torch.isfinite(model.table.grad).all())
    assert not model.table.grad[1].any()


def test_a_label_at_the_first_position_is_ignored():
    labels = LABELS.clone()
    labels[:, 0] = 1
    torch.testing.assert_close(token_log_probs(LOGITS, labels), token_log_probs(LOGITS, LABELS))


def test_the_gradient_is_softmax_minus_one_hot():
    model = Stub(LOGITS)
    sequence_nll(model, _batch(LABELS), "sum").sum().backward()
    # d(-ln softmax_y)/d logits = p - onehot(y) at scored positions, 0 elsewhere.
    expected = torch.zeros_like(LOGITS)
    expected[0, 0] = torch.tensor([0.25, 0.75 - 1])
    expected[0, 1] = torch.tensor([0.5 - 1, 0.5])
    expected[1, 1] = torch.tensor([0.125 - 1, 0.875])
    torch.testing.assert_close(model.table.grad, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_against_float64(dtype: torch.dtype, scale: float):
    generator = torch.Generator().manual_seed(3)
    logits = (torch.randn(5, 17, 301, generator=generator) * scale).to(dtype)
    labels = torch.randint(301, (5, 17), generator=generator)
    labels[torch.rand(5, 17, generator=generator) < 0.4] = N
    exact = logits.double().log_softmax(-1)[:, :-1]
    targets = labels[:, 1:]
    picked = exact.gather(2, targets.clamp(min=0)[..., None])[..., 0] * (targets != N)
    found = token_log_probs(logits, labels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), picked, rtol=1e-6, atol=1e-6)
    counts = (targets != N).sum(1)
    means = sequence_nll(Stub(logits), _batch(labels)).double()
    torch.testing.assert_close(means, -picked.sum(1) / counts, rtol=1e-6, atol=1e-6)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="'mean' or 'sum', not 'max'"):
        sequence_nll(Stub(LOGITS), _batch(LABELS), "max")  # type: ignore[arg-type]
