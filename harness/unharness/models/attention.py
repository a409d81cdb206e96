"""What the layers of a model attend to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


def attends_to_all(model: LanguageModel) -> bool:
    """Return whether every layer attends to all tokens: then keys and values can be copied."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    if set(kinds) != {"full_attention"} or getattr(config, "sliding_window", None):
        return False
    layers = DynamicCache(config=config).layers
    return all(type(layer) is DynamicLayer for layer in layers)
