"""What Trainer and accelerate change in a model besides its weights, and how it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

REPLACED = ("forward", "_original_forward")
"""Attributes that accelerate's `prepare_model` sets on the instance under mixed precision."""
PREPARED = "_is_accelerate_prepared"
"""Its mark on the instance: it takes a model that has it as it is, without autocast."""


@contextmanager
def restored(model: LanguageModel) -> Iterator[None]:
    """Give the model its own `forward` and configuration back when the block is left.

    Under mixed precision accelerate replaces `forward` by one with autocast and float32 outputs,
    and leaves it there: the model would be evaluated by other arithmetic than one that was loaded
    with the same weights. It also marks the model and leaves it alone in the next training, which
    would then go without autocast. Trainer turns the key-value cache off, and `save_pretrained`
    would write that down.
    """
    own = {name: vars(model)[name] for name in REPLACED if name in vars(model)}
    config: Any = getattr(model, "config", None)
    use_cache = getattr(config, "use_cache", None)
    try:
        yield
    finally:
        for name in (*REPLACED, PREPARED):
            vars(model).pop(name, None)
        vars(model).update(own)
        if use_cache is not None:
            config.use_cache = use_cache
