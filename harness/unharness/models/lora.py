"""LoRA adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unharness.data.recipe import LoraSettings

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

MASKS = 2
"""Raised whenever the same seed would give other dropout masks on a CPU."""


def adapter_key(settings: LoraSettings, device: str) -> dict[str, Any]:
    """Return the adapter's part of the cache key of weights that are trained with it."""
    masks = {"masks": MASKS} if settings.dropout and device.startswith("cpu") else {}
    return settings.model_dump() | masks


def add_adapter(model: LanguageModel, settings: LoraSettings, seed: int) -> LanguageModel:
    """Return the model with a fresh adapter on all linear layers; only the adapter may move."""
    import torch
    from peft import LoraConfig, get_peft_model

    from unharness.models.dropout import with_cheap_dropout

    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):  # peft draws from the global generator
        torch.manual_seed(seed)
        adapted = get_peft_model(model, config)
    with_cheap_dropout(adapted)
    return adapted


def load_adapter(model: LanguageModel, folder: str) -> LanguageModel:
    """Return the model with the adapter from a folder, ready to be trained further."""
    from peft import PeftModel

    from unharness.models.dropout import with_cheap_dropout

    adapted = PeftModel.from_pretrained(model, folder, is_trainable=True)
    with_cheap_dropout(adapted)
    return adapted


def merged(model: LanguageModel) -> LanguageModel:
    """Return the model with its adapter, if it has one, merged into the weights it sits on."""
    return model.merge_and_unload() if is_adapted(model) else model


def is_adapted(model: LanguageModel) -> bool:
    """Whether the model carries an adapter."""
    return hasattr(model, "peft_config")
