"""The decoder blocks of a model, and hidden states at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from unharness.errors import MethodError
from unharness.training import ranks

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import TokenBatch
    from unharness.model_types import LanguageModel


def decoder_blocks(model: LanguageModel) -> Any:
    """Return the decoder blocks, a ModuleList, under any wrapper of PEFT's or torch's.

    It is the outermost list of modules that is as long as the configuration says.

    Raises:
        MethodError: there is no such list.
    """
    from torch import nn

    config = getattr(model, "module", model).config  # DistributedDataParallel hides it
    count = config.get_text_config().num_hidden_layers
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    }
    if not found:
        raise MethodError(f"{type(model).__name__}: no list of {count} decoder blocks was found")
    return found[min(found, key=lambda name: name.count("."))]


def final_norm(model: LanguageModel) -> Any:
    """Return the module that normalises the last decoder block's output for the output head.

    Raises:
        MethodError: none was found beside the decoder blocks.
    """
    blocks = decoder_blocks(model)
    for parent in model.modules():
        children = list(parent.named_children())
        if any(child is blocks for _, child in children):
            after = [name for name, _ in children if _is_norm(name)]
            if after:
                return getattr(parent, after[-1])
    raise MethodError(f"{type(model).__name__}: no final norm was found beside its decoder blocks")


def _is_norm(name: str) -> bool:
    return "norm" in name or name.startswith("ln")


def hidden_states(
    model: LanguageModel, batch: TokenBatch, layer: int, *, padding: bool = False
) -> Tensor:
    """Return the output of a decoder block, with gradient where gradients are on.

    The forward pass ends at that block where nothing forbids it.

    Args:
        model: a causal language model, with or without an adapter.
        batch: B examples, padded to T.
        layer: number of the block, from 0; its output is `hidden_states[layer + 1]` of
            transformers, but for the last block, whose entry there is normalised.
        padding: whether padding keeps the states that the model computes there.

    Returns:
        (B, T, H), of the model's computing type; 0 in padding, unless it is kept.

    Raises:
        MethodError: the model has no such block.
    """
    [states] = block_outputs(model, batch, (layer,), padding=padding)
    return states


def block_outputs(
    model: LanguageModel, batch: TokenBatch, layers: Sequence[int], *, padding: bool = False
) -> list[Tensor]:
    """Return the outputs of some decoder blocks from one forward pass, as `hidden_states` does."""
    with recorded_blocks(model, layers, stop=True) as outputs, suppress(_LastBlockError):
        model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)
    if padding:
        return [outputs[layer] for layer in layers]
    mask = batch.attention_mask[..., None].bool()
    return [outputs[layer].masked_fill(~mask, 0) for layer in layers]


@contextmanager
def recorded_blocks(
    model: LanguageModel, layers: Sequence[int], *, stop: bool = False
) -> Iterator[dict[int, Tensor]]:
    """Record the outputs of decoder blocks while forward passes run; (B, T, H) each.

    Args:
        model: a causal language model.
        layers: numbers of the blocks, from 0.
        stop: end the pass by an exception after the last of them. Wrappers that must see a whole
            pass (several processes, gradient checkpointing) get one all the same.
    """
    blocks = decoder_blocks(model) if layers else []
    if layers and max(layers) >= len(blocks):
        raise MethodError(
            f"the model has no decoder block {max(layers)}: blocks are 0 to {len(blocks) - 1}"
        )
    checkpointing = any(getattr(block, "gradient_checkpointing", False) for block in blocks)
    stop = stop and ranks.world_size() == 1 and not ranks.is_sharded() and not checkpointing
    outputs: dict[int, Tensor] = {}

    def record(layer: int, output: Any) -> None:
        outputs[layer] = output[0] if isinstance(output, tuple) else output
        if stop and layer == max(layers):
            raise _LastBlockError

    handles = [
        blocks[layer].register_forward_hook(
            lambda module, args, output, layer=layer: record(layer, output)
        )
        for layer in dict.fromkeys(layers)
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


class _LastBlockError(Exception):
    """Ends a forward pass after the last block that is needed."""
