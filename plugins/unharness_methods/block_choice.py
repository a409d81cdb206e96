"""Which decoder block a representation loss works on, and which tensors it may move."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from unharness import MethodError, decoder_blocks

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from unharness import LanguageModel

MLP_OUTPUTS = ("down_proj", "dense_4h_to_h", "fc2", "c_proj", "fc_out", "w2")
"""What architectures call the last linear module of a block's MLP."""


def block_at(count: int, layer: int | None, depth: float) -> int:
    """Return the number of a block, from 0.

    Args:
        count: how many blocks the model has.
        layer: the number itself, if it is given.
        depth: else where it lies, as a share of the blocks: the product is rounded to the nearest.

    Raises:
        MethodError: the model has no such block.
    """
    if layer is None:
        return min(round(depth * count), count - 1)
    if layer >= count:
        raise MethodError(
            f"layer={layer}: the model has blocks 0 to {count - 1}; give one of them, or leave "
            "layer out and set depth"
        )
    return layer


def block_in(config: PretrainedConfig, layer: int | None, depth: float) -> int:
    """Return the number of a block of a model with this configuration, as `block_at` does."""
    return block_at(config.get_text_config().num_hidden_layers, layer, depth)


def mlp_outputs(model: LanguageModel, layers: Sequence[int]) -> list[str]:
    """Return the trainable weights of the last linear modules of these blocks' MLPs, by name.

    Under LoRA they are the factors of the adapters on these modules.

    Raises:
        MethodError: no block has any.
    """
    names = [
        name
        for name in block_parameters(model, layers)
        if any(part in MLP_OUTPUTS for part in name.split("."))
        and not name.endswith(".bias")
        # GPT-2 calls the output of its attention c_proj as well.
        and ".attn." not in name
    ]
    if not names:
        raise MethodError(
            f"blocks {', '.join(map(str, layers))} have no trainable MLP output that is called "
            f"{', '.join(MLP_OUTPUTS)}; --set trained=blocks trains the whole blocks"
        )
    return names


def block_parameters(model: LanguageModel, layers: Sequence[int]) -> Collection[str]:
    """Return the names of the trainable parameters of these blocks."""
    blocks = decoder_blocks(model)
    own = {id(value) for layer in layers for value in blocks[layer].parameters()}
    return [
        name for name, value in model.named_parameters() if value.requires_grad and id(value) in own
    ]
