"""Hyperparameters of the authors' code on TOFU, as presets: `--preset released-code`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unharness import Preset

MODEL = "Llama-2-7b-chat-hf"
TASKS = {"01": "tofu:fraction=01", "05": "tofu:fraction=05", "10": "tofu"}
"""By the percentage that is forgotten."""
# Both repositories: a step of 32 examples on all GPUs together, one of ten epochs warms up, then
# the rate falls linearly; AdamW.
RECIPE: dict[str, Any] = {
    "epochs": 10,
    "lr": 1e-5,
    "batch_size": 32,
    "weight_decay": 0.01,
    "warmup_ratio": 0.1,
    "schedule": "linear",
}


def tofu_presets(source: str, settings: Mapping[str, Mapping[str, Any]]) -> tuple[Preset, ...]:
    """Return a method's presets on TOFU.

    Args:
        source: repository and commit that they were read from.
        settings: by percentage: the method's own hyperparameters, beside the recipe.
    """
    return tuple(
        Preset("released-code", TASKS[fraction], MODEL, RECIPE | dict(own), source)
        for fraction, own in settings.items()
    )
