"""Dropout by sixteen random bits."""

import pytest
import torch

from unharness.data.recipe import LoraSettings
from unharness.models.dropout import SixteenBitDropout
from unharness.models.lora import add_adapter, load_adapter


@pytest.mark.parametrize("shape", [(997,), (3, 5), (400, 1001), (1,), (0,)])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_values_are_dropped_or_scaled_by_one_number(shape, p):
    torch.manual_seed(0)
    values = torch.randn(shape, requires_grad=True)
    found = SixteenBitDropout(p)(values)
    assert found.shape == values.shape
    kept = found != 0
    assert torch.allclose(found[kept], values[kept] / (1 - p or 1), rtol=1e-3)
    found.sum().backward()
    assert torch.equal(values.grad != 0, kept)


def test_shares_and_expected_value_are_right_and_neighbours_are_independent():
    torch.manual_seed(1)
    found = SixteenBitDropout(0.1)(torch.ones(4_000_000))
    dropped = (found == 0).double().view(-1, 4)
    assert dropped.mean(0) == pytest.approx([0.1] * 4, abs=0.0015)  # 5 standard errors
    assert found.double().mean() == pytest.approx(1, abs=0.001)
    together = torch.corrcoef(dropped.T) - torch.eye(4)
    assert together.abs().max() < 0.005


def test_a_seed_decides_the_mask_and_evaluation_has_none():
    values, dropout = torch.ones(1000, dtype=torch.bfloat16), SixteenBitDropout(0.3)
    first, second = (dropout(values) for _ in range(2) if torch.manual_seed(5))
    assert torch.equal(first, second)
    assert first.dtype == torch.bfloat16
    assert not torch.equal(first, dropout(values))
    assert dropout.eval()(values) is values


def test_adapters_have_it_fresh_and_loaded(load_checkpoint, tmp_path):
    def model():
        return load_checkpoint("llama")[0]

    fresh = add_adapter(model(), LoraSettings(dropout=0.25), seed=0)
    fresh.save_pretrained(tmp_path)
    for adapted in (fresh, load_adapter(model(), str(tmp_path))):
        found = [one for one in adapted.modules() if isinstance(one, SixteenBitDropout)]
        assert len(found) == sum(hasattr(one, "lora_dropout") for one in adapted.modules()) > 0
        assert {one.p for one in found} == {0.25}
