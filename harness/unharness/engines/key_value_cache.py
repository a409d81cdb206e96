"""Keys and values of what a model has read, kept while a text is generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

ROOM = 64
"""Tokens that memory is taken for at a time."""


class GrowingLayer(DynamicLayer):
    """A layer's keys and values in memory with room for more tokens.

    The library's own layer copies all of them for every token that is added; this one writes the
    new token behind the others, and copies once in `ROOM` tokens. The values are the same.
    """

    keys: torch.Tensor
    values: torch.Tensor
    _held: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the keys and values of some tokens, (B, heads, tokens, size); return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self._held is None or not self._has_room(end):
            old = (self.keys, self.values) if start else (None, None)
            self._held = (
                _with_room(old[0], key_states, end + ROOM),
                _with_room(old[1], value_states, end + ROOM),
            )
        for held, new in zip(self._held, (key_states, value_states), strict=True):
            held[..., start:end, :] = new
        self.keys, self.values = (held[..., :end, :] for held in self._held)
        return self.keys, self.values

    def _has_room(self, end: int) -> bool:
        """Whether the memory holds the present tokens, and has room for others up to `end`."""
        assert self._held is not None
        held = self._held[0]
        same = held.data_ptr() == self.keys.data_ptr() and held.shape[0] == self.keys.shape[0]
        return same and end <= held.shape[-2]


def _with_room(old: torch.Tensor | None, new: torch.Tensor, tokens: int) -> torch.Tensor:
    """Return memory for some tokens, which begins with the old ones."""
    held = new.new_empty((*new.shape[:-2], tokens, new.shape[-1]))
    if old is not None:
        held[..., : old.shape[-2], :] = old
    return held


def growing_cache(model: LanguageModel) -> DynamicCache:
    """Return an empty cache for a model of which `attends_to_all`."""
    cache = DynamicCache(config=model.config.get_text_config())
    cache.layers = [GrowingLayer() for _ in cache.layers]
    return cache
