"""The shape of a language model, from its configuration alone: no weights are read or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unharness.errors import ModelError, reason_of


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a causal language model that its memory depends on."""

    parameters: int
    """All of them; an output head that is tied to the embedding counts once."""
    hidden: int
    layers: int
    attention: int
    """Width of the queries of a block: heads times their size."""
    intermediate: int
    gated: bool
    """Whether the MLP multiplies two projections, as Llama's does."""
    vocabulary: int
    tied: bool
    """Whether the output head is the embedding."""
    linear_inputs: int
    """Input widths of the linear layers of all blocks, added up."""
    linear_ends: int
    """Their input and output widths, added up: an adapter of rank 1 has as many parameters."""

    @property
    def embedding(self) -> int:
        """The number of parameters of the embedding, or of the output head."""
        return self.vocabulary * self.hidden

    @property
    def multiplied(self) -> int:
        """The number of parameters that enter matrix products: all but a lookup's."""
        return self.parameters - (0 if self.tied else self.embedding)

    def adapter(self, rank: int) -> int:
        """Return the number of parameters of a LoRA adapter on all linear layers."""
        return rank * self.linear_ends


def shape_of(config: Any) -> ModelShape:
    """Return the shape of the model that a configuration describes.

    The model is built on torch's meta device, which has shapes and no memory, so that parameters
    and linear layers are counted exactly for every architecture that transformers knows.

    Args:
        config: of transformers, a `PretrainedConfig`.

    Raises:
        ModelError: transformers builds no causal language model from it.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise ModelError(f"no causal language model of this config ({reason_of(error)})") from error
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    head = model.get_output_embeddings()
    ends = [
        (module.weight.shape if isinstance(module, Conv1D) else module.weight.shape[::-1])
        for module in model.modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    ]
    hidden = int(text.hidden_size)
    intermediate = int(getattr(text, "intermediate_size", None) or 4 * hidden)
    layers = int(text.num_hidden_layers)
    up = sum(tuple(end) == (hidden, intermediate) for end in ends)
    return ModelShape(
        parameters=sum(value.numel() for value in model.parameters()),
        hidden=hidden,
        layers=layers,
        attention=heads * int(getattr(text, "head_dim", None) or hidden // heads),
        intermediate=intermediate,
        gated=up >= 2 * layers,
        vocabulary=int(text.vocab_size),
        tied=head is not None and head.weight is model.get_input_embeddings().weight,
        linear_inputs=sum(int(given) for given, _ in ends),
        linear_ends=sum(int(given) + int(made) for given, made in ends),
    )
