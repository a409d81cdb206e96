"""Training in bfloat16 on a CPU: quicker, and the same up to rounding."""

from typing import Any

import pytest
import torch

from unharness.data.batches import TokenBatch
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness.training.cpu_bfloat16 import LONGEST, NAME, quick_on_cpu
from unharness.training.likelihood import sequence_nll
from unharness.training.precision import autocast

CPU = torch.device("cpu")


def _batch(length: int) -> TokenBatch:
    """Return three examples of different length, padded on the right."""
    ids = torch.randint(5, 250, (3, length), generator=torch.Generator().manual_seed(0))
    kept = torch.arange(length)[None] < torch.tensor([[length], [length - 1], [length // 2]])
    return TokenBatch(ids, kept.long(), ids.masked_fill(~kept, -100))


def _gradients(model: Any, batch: TokenBatch, quick: bool) -> tuple[float, dict[str, Any]]:
    model.zero_grad()
    with autocast(CPU, "bfloat16"):
        if quick:
            with quick_on_cpu(model, CPU, "bfloat16"):
                loss = sequence_nll(model, batch).mean()
        else:
            loss = sequence_nll(model, batch).mean()
    loss.backward()
    found = {name: value.grad for name, value in model.named_parameters() if value.requires_grad}
    return float(loss.detach()), found


@pytest.mark.parametrize("length", [12, LONGEST + 2], ids=["short", "long"])
@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("adapted", [False, True], ids=["full", "lora"])
def test_loss_and_gradient_are_those_of_torchs_attention(
    adapted: bool, kind: str, length: int, load_checkpoint: Any
):
    model = load_checkpoint(kind)[0]
    if adapted:
        model = add_adapter(model, LoraSettings(dropout=0), seed=0)
        for name, value in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.1, generator=torch.Generator().manual_seed(1))
    plain_loss, plain = _gradients(model, _batch(length), quick=False)
    quick_loss, quick = _gradients(model, _batch(length), quick=True)
    assert quick_loss == pytest.approx(plain_loss, rel=1e-2)
    left = torch.cat([value.flatten() for value in plain.values()])
    right = torch.cat([value.flatten() for value in quick.values()])
    assert float((left - right).norm() / left.norm()) < 2e-2


def test_it_is_used_where_it_pays_and_undone(load_checkpoint: Any):
    model = add_adapter(load_checkpoint("llama")[0], LoraSettings(), seed=0)
    layers = [one for one in model.modules() if hasattr(one, "cast_input_dtype_enabled")]
    assert layers
    assert model.config._attn_implementation == "sdpa"
    with quick_on_cpu(model, CPU, "bfloat16"):
        assert model.config._attn_implementation == NAME
        assert not any(one.cast_input_dtype_enabled for one in layers)
    assert model.config._attn_implementation == "sdpa"
    assert all(one.cast_input_dtype_enabled for one in layers)
    for device, precision in (("cpu", "float32"), ("cuda", "bfloat16")):
        with quick_on_cpu(model, torch.device(device), precision):
            assert model.config._attn_implementation == "sdpa"
            assert all(one.cast_input_dtype_enabled for one in layers)


def test_attention_that_was_chosen_stays(load_checkpoint: Any):
    model = load_checkpoint("llama")[0]
    model.set_attn_implementation("eager")
    with quick_on_cpu(model, CPU, "bfloat16"):
        assert model.config._attn_implementation == "eager"
    assert model.config._attn_implementation == "eager"
