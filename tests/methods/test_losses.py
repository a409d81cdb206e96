"""The built-in losses on numbers worked out by hand, and against float64."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from unharness import Stream, TokenBatch, UnlearnBatch
from unharness_methods.descent_only import DescentOnly
from unharness_methods.gradient_ascent import GradientAscent
from unharness_methods.gradient_difference import GradientDifference
from unharness_methods.memflex import MemFlex

N = -100
LN = math.log


class Stub(torch.nn.Module):
    """A bigram model: the logits at a position are its token's row of a table."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(table.clone())

    def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool = True) -> Any:
        return SimpleNamespace(logits=self.table[input_ids])


def _batch(ids: list[list[int]], starts: list[int], lengths: list[int] | None = None) -> TokenBatch:
    input_ids = torch.tensor(ids)
    labels = input_ids.clone()
    mask = torch.ones_like(input_ids)
    for row, start in enumerate(starts):
        labels[row, :start] = N
        if lengths:
            labels[row, lengths[row] :] = N
            mask[row, lengths[row] :] = 0
    return TokenBatch(input_ids, mask, labels)


# After token 0 come 0 and 1 with probability 1/4 and 3/4, after token 1 with 1/2 and 1/2.
TABLE = torch.tensor([[LN(0.25), LN(0.75)], [LN(0.5), LN(0.5)]])
# Forget: 0 -> 1 -> 1, of which the two answers 1 and 1 have P 3/4 and 1/2: NLL ln(8/3) / 2.
# And 1 -> 0 -> 0 with only the last scored, P 1/4: NLL ln 4.
FORGET = _batch([[0, 1, 1], [1, 0, 0]], [1, 2])
FORGET_NLL = (LN(8 / 3) / 2 + LN(4)) / 2
# Retain: 0 -> 0, P 1/4: ln 4; then 1 -> 1 -> padding, P 1/2: ln 2.
RETAIN = _batch([[0, 0, 0], [1, 1, 0]], [1, 1], [2, 2])
RETAIN_NLL = (LN(4) + LN(2)) / 2


def _loss(method: Any, values: dict[str, Any] | None = None, model: Any = None) -> torch.Tensor:
    made = method(method.Config(**values or {}))
    streams = {"forget": FORGET, "retain": RETAIN}
    batch = UnlearnBatch({name: streams[name] for name in ("forget", *made.streams())})
    loss: torch.Tensor = made.loss(model or Stub(TABLE), batch)
    return loss


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        (DescentOnly, {}, RETAIN_NLL),
        (GradientAscent, {}, -FORGET_NLL),
        (GradientDifference, {}, RETAIN_NLL - FORGET_NLL),
        (
            GradientDifference,
            {"forget_weight": 0.3, "retain_weight": 5.0},
            5 * RETAIN_NLL - 0.3 * FORGET_NLL,
        ),
        (GradientDifference, {"forget_weight": 0.0}, RETAIN_NLL),
        # The released code's weights, KNOWUNDO.md.
        (MemFlex, {}, 2.0 * RETAIN_NLL - 0.4 * FORGET_NLL),
    ],
)
def test_by_hand(method: Any, values: dict[str, Any], expected: float):
    loss = _loss(method, values)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_ascent_makes_the_forget_set_less_likely_and_descent_the_retain_set_more():
    model = Stub(TABLE)
    _loss(GradientAscent, model=model).backward()
    # Example 0 scores 0 -> 1 and 1 -> 1 with weight 1/2 each, example 1 scores 0 -> 0 with 1, and
    # both count 1/2. The gradient of -NLL in a row of logits is onehot - p:
    #   row 0: 1/4 ([0, 1] - [1/4, 3/4]) + 1/2 ([1, 0] - [1/4, 3/4]) = [5/16, -5/16]
    #   row 1: 1/4 ([0, 1] - [1/2, 1/2])                             = [-1/8, 1/8]
    expected = torch.tensor([[5 / 16, -5 / 16], [-1 / 8, 1 / 8]])
    torch.testing.assert_close(model.table.grad, expected, rtol=0, atol=1e-6)


def _exact_nll(table: torch.Tensor, batch: TokenBatch) -> float:
    """The mean over examples of their answers' mean NLL, a token at a time in float64."""
    log_probs = table.double().log_softmax(-1)
    means = []
    for ids, labels in zip(batch.input_ids.tolist(), batch.labels.tolist(), strict=True):
        places = [place for place in range(1, len(ids)) if labels[place] != N]
        picked = [log_probs[ids[place - 1], ids[place]].item() for place in places]
        means.append(-math.fsum(picked) / len(picked))
    return math.fsum(means) / len(means)


@pytest.mark.parametrize("seed", range(3))
def test_against_float64(seed: int):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(50, 50, generator=generator) * 4

    def batch() -> TokenBatch:
        ids = torch.randint(50, (6, 12), generator=generator).tolist()
        starts = torch.randint(1, 6, (6,), generator=generator).tolist()
        return _batch(ids, starts, torch.randint(7, 13, (6,), generator=generator).tolist())

    forget, retain = batch(), batch()
    left, right = _exact_nll(table, forget), _exact_nll(table, retain)
    for method, expected in [
        (GradientAscent, -left),
        (GradientDifference, right - left),
        (MemFlex, 2.0 * right - 0.4 * left),
    ]:
        loss = method(method.Config()).loss(
            Stub(table), UnlearnBatch({"forget": forget, "retain": retain})
        )
        assert loss.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_what_each_method_is_given():
    assert GradientAscent(GradientAscent.Config()).streams() == {}
    for method in (GradientDifference, MemFlex):
        assert method(method.Config()).streams() == {"retain": Stream("retain")}
