"""How the presets learn: the facts of a task, and the general facts where a task teaches none."""

from __future__ import annotations

from collections.abc import Mapping

from unharness import FineTuneConfig

__all__ = ["PRESETS", "SMOLLM2", "preset_recipe"]

PRESETS: Mapping[str, FineTuneConfig] = {
    "micro": FineTuneConfig(epochs=40, lr=1e-2, batch_size=4, warmup_ratio=0.15),
    "tiny": FineTuneConfig(epochs=16, lr=4e-3, batch_size=32, warmup_ratio=0.15),
}
"""Of the models that are trained from nothing."""
SMOLLM2: Mapping[str, FineTuneConfig] = {
    "full": FineTuneConfig(epochs=5, lr=1e-4, batch_size=32, warmup_ratio=0.1),
    "lora": FineTuneConfig(epochs=8, lr=2e-3, batch_size=32, warmup_ratio=0.1),
}
"""Of smollm2-135m, by tuning."""


def preset_recipe(model: str, tuning: str, otherwise: FineTuneConfig) -> FineTuneConfig:
    """Return the recipe of a preset for one way of tuning, and for any other model `otherwise`."""
    return SMOLLM2[tuning] if model == "smollm2-135m" else PRESETS.get(model, otherwise)
