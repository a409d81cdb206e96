"""A model's shape is that of the model, without its weights."""

import json

import pytest

from unharness.data.recipe import LoraSettings
from unharness.errors import ModelError
from unharness.models.lora import add_adapter
from unharness.models.shape import shape_of


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox"])
def test_parameters_are_counted_exactly(kind, load_checkpoint):
    model, _ = load_checkpoint(kind)
    shape = shape_of(model.config)
    assert shape.parameters == sum(value.numel() for value in model.parameters())
    adapted = add_adapter(model, LoraSettings(r=4), seed=0)
    trained = sum(value.numel() for value in adapted.parameters() if value.requires_grad)
    assert shape.adapter(4) == trained


def test_a_published_configuration_needs_no_weights(tmp_path):
    from transformers import AutoConfig

    config = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008}
    config |= {"num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shape = shape_of(AutoConfig.from_pretrained(tmp_path))
    assert shape.parameters == 6_738_415_616  # LLaMA-2-7B
    assert shape.multiplied == shape.parameters - 32_000 * 4096
    assert (shape.gated, shape.tied, shape.attention) == (True, False, 4096)


def test_a_tied_head_counts_once():
    from transformers import LlamaConfig

    sizes = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16}
    sizes |= {"num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256}
    shape = shape_of(LlamaConfig(**sizes, head_dim=64, tie_word_embeddings=True))
    assert shape.parameters == shape.multiplied == 1_235_814_400  # Llama-3.2-1B
    assert shape.tied


def test_what_is_no_language_model_is_refused():
    from transformers import CLIPVisionConfig

    with pytest.raises(ModelError, match="no causal language model"):
        shape_of(CLIPVisionConfig())
