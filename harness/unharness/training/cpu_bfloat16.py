"""What makes training in bfloat16 on a CPU quicker; losses change by rounding alone.

torch's fused attention for CPUs has a slow backward pass in bfloat16: on SmolLM2-135M, with batches
of 16 × 70 tokens, a fifth of a step. Plain matrix products take a quarter of its time. And peft
turns every input of an adapter into the adapter's float32, which autocast turns back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from unharness.data.recipe import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.model_types import LanguageModel

NAME = "unharness_cpu_bfloat16"
"""Under which transformers knows the function."""
LONGEST = 128
"""Tokens; beyond, scores of all pairs would take more memory than they save time."""


@contextmanager
def quick_on_cpu(
    model: LanguageModel, device: torch.device, precision: Precision
) -> Iterator[None]:
    """Make a model quicker while it trains under bfloat16 autocast on a CPU.

    Attention is changed where transformers chose it (`sdpa`). All that runs in the block must be
    under autocast, as adapters then take their inputs as they come.
    """
    if device.type != "cpu" or precision != "bfloat16":
        yield
        return
    from peft.helpers import disable_input_dtype_casting

    with _quick_attention(model), disable_input_dtype_casting(model):
        yield


@contextmanager
def _quick_attention(model: LanguageModel) -> Iterator[None]:
    config: Any = getattr(model, "config", None)
    if getattr(config, "_attn_implementation", None) != "sdpa":
        yield
        return
    _register()
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Return what transformers' `sdpa` returns: shape (batch, tokens, heads, size of a head)."""
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    length, causal = query.shape[2], options.get("is_causal")
    plain = (
        torch.is_grad_enabled()
        and not dropout
        and length == key.shape[2] <= LONGEST
        and options.get("position_bias") is None
        and (attention_mask is None or attention_mask.dtype == torch.bool)
        and (getattr(module, "is_causal", True) if causal is None else causal)
    )
    if not plain:
        found: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return found
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    if attention_mask is None:
        attention_mask = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    scores = query @ key.transpose(2, 3) * (scaling or query.shape[-1] ** -0.5)
    scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), None
