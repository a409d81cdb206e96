"""Rounding of weights: oracles, bounds, and what is rounded under an adapter."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unharness import AttackContext, DataOrigin, MethodError, TaskData
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness_attacks.quantize import Quantize, rounded

# reference/METRICS.md, section 12, "Rounding"; without the two quotients that are ties.
WEIGHTS = torch.tensor([[0.7, -0.35, 0.12, -0.02, 1.4, -1.0, 0.3, 0.05]])
TIES = {(4, "symmetric"): (1, 6)}


@pytest.mark.parametrize(
    ("bits", "scheme", "wanted"),
    [
        (4, "symmetric", (0.7, -0.4, 0.1, 0.0, 1.4, -1.0, 0.4, 0.0)),
        (4, "asymmetric", (0.7, -0.35, 0.14, 0.0, 1.44, -0.96, 0.32, 0.0)),
        (
            *(8, "symmetric"),
            (0.7, -0.352756, 0.121260, -0.022047, 1.4, -1.003150, 0.297638, 0.055118),
        ),
        (
            *(8, "asymmetric"),
            (0.7, -0.35, 0.119412, -0.020588, 1.402353, -0.997647, 0.301176, 0.047059),
        ),
    ],
)
def test_oracles(bits, scheme, wanted):
    found = rounded(WEIGHTS, bits, 4, scheme)[0].tolist()
    for at, (value, right) in enumerate(zip(found, wanted, strict=True)):
        if at not in TIES.get((bits, scheme), ()):
            assert value == pytest.approx(right, abs=5e-7)


@pytest.mark.parametrize(
    ("bits", "scheme", "levels", "error"),
    [
        (4, "symmetric", (7, -4, 1, 0, 7, -5, 2, 0), 1.975e-3),
        (4, "asymmetric", (15, 0, 7, 5, 15, 0, 8, 6), 8.625e-4),
        (8, "symmetric", (127, -64, 22, -4, 127, -91, 27, 5), 6.883564e-6),
        (8, "asymmetric", (255, 0, 114, 80, 255, 0, 138, 111), 2.724913e-6),
    ],
)
def test_levels_and_errors_of_the_oracles(bits, scheme, levels, error):
    found = rounded(WEIGHTS, bits, 4, scheme)
    assert float((found - WEIGHTS).square().mean()) == pytest.approx(error, rel=1e-4)
    for group in (slice(0, 4), slice(4, 8)):
        weights, values = WEIGHTS[0, group], found[0, group]
        if scheme == "symmetric":
            step, zero = float(weights.abs().max()) / (2 ** (bits - 1) - 1), 0
        else:
            low = float(weights.min())
            step = (float(weights.max()) - low) / (2**bits - 1)
            zero = round(-low / step)
        for at, (value, level) in enumerate(zip(values.tolist(), levels[group], strict=True)):
            if group.start + at not in TIES.get((bits, scheme), ()):
                assert round(value / step) + zero == level


def test_ties_go_to_even():
    # Step 0.125 = 0.875 / 7: quotients 0.5, 1.5, -2.5, 7.
    found = rounded(torch.tensor([[0.0625, 0.1875, -0.3125, 0.875]]), 4, 0, "symmetric")
    assert (found / 0.125).tolist() == [[0.0, 2.0, -2.0, 7.0]]


matrices = st.builds(
    lambda seed, rows, columns, scale: (
        torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * scale
    ),
    st.integers(0, 999),
    st.integers(1, 4),
    st.integers(1, 9),
    st.sampled_from([1e-6, 0.02, 1.0, 300.0]),
)


@given(matrices, st.integers(2, 8), st.integers(0, 5))
def test_errors_are_bounded_by_the_step_and_rounding_again_changes_nothing(weight, bits, group):
    for scheme in ("symmetric", "asymmetric"):
        found = rounded(weight, bits, group, scheme)
        size = group or weight.shape[1]
        for part, near in zip(weight.split(size, 1), found.split(size, 1), strict=True):
            low = part.amin(1, keepdim=True).clamp(max=0)
            high = part.amax(1, keepdim=True).clamp(min=0)
            if scheme == "symmetric":
                bound = part.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1) / 2
            else:
                bound = (high - low) / (2**bits - 1)
            assert bool(((near - part).abs() <= bound * (1 + 1e-4)).all())
        if scheme == "symmetric":
            again = rounded(found, bits, group, scheme)
            assert torch.allclose(again, found, rtol=1e-5, atol=0)


def test_a_group_of_zeros_stays():
    for scheme in ("symmetric", "asymmetric"):
        assert rounded(torch.zeros(2, 5), 4, 2, scheme).tolist() == [[0.0] * 5] * 2


@pytest.fixture
def attack(load_checkpoint):
    """attack(tuning, **settings) -> the model before and after, and the report."""

    def call(tuning, dtype=torch.float32, **settings):
        model, tokenizer = load_checkpoint("llama")
        model = model.to(dtype)
        if tuning == "lora":
            model = add_adapter(model, LoraSettings(dropout=0.0), seed=0)
            for name, value in model.named_parameters():
                if ".lora_B." in name:
                    torch.nn.init.normal_(
                        value, std=0.05, generator=torch.Generator().manual_seed(1)
                    )
        nothing = TaskData.of((), DataOrigin("path", "here"))
        before = copy.deepcopy(model.eval())
        context = AttackContext(model.eval(), tokenizer, nothing, 0, 64, "cpu")
        assert Quantize(Quantize.Config(**settings)).apply(context) is None
        return before, context.model, context.report

    return call


def test_linear_layers_of_the_blocks_are_rounded_and_nothing_else(attack):
    before, after, report = attack("full", bits=4, group_size=16)
    linear = [name for name, _ in before.named_parameters() if "_proj" in name]
    assert report["matrices"] == len(linear) > 0
    for name, value in before.named_parameters():
        new = after.get_parameter(name)
        if name in linear:
            assert torch.equal(new, rounded(value, 4, 16, "symmetric"))
        else:
            assert torch.equal(new, value)
    assert 0.05 < report["relative_error"] < 0.2
    assert attack("full", bits=8, group_size=16)[2]["relative_error"] < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_an_adapter_the_merged_weights_are_rounded(attack, dtype):
    before, after, report = attack("lora", dtype, bits=4, group_size=0)
    assert not hasattr(after, "peft_config")
    layer = before.get_base_model().model.layers[0].self_attn.q_proj
    merged = layer.base_layer.weight.float() + layer.get_delta_weight("default").float()
    found = after.model.layers[0].self_attn.q_proj.weight
    assert found.dtype == dtype
    assert torch.equal(found, rounded(merged, 4, 0, "symmetric").to(dtype))
    assert not torch.equal(found, rounded(layer.base_layer.weight, 4, 0, "symmetric").to(dtype))
    if dtype == torch.float32:  # 15 levels a row
        assert max(len(row.unique()) for row in found) <= 15
    assert report["matrices"] > 0


def test_a_model_without_linear_layers_is_refused(attack, monkeypatch):
    empty = torch.nn.ModuleList([torch.nn.Embedding(2, 2)])
    monkeypatch.setattr("unharness_attacks.quantize.decoder_blocks", lambda model: empty)
    with pytest.raises(MethodError, match="no linear layer"):
        attack("full")
