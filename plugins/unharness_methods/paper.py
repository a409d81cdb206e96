"""KnowUnDo's hyperparameters (arXiv 2407.01920, tables 7 and 12), as presets of its methods."""

from __future__ import annotations

from typing import Any

from unharness import Preset

LLAMA, QWEN = "Llama-2-7b-chat-hf", "Qwen1.5-7B-Chat"
PRIVACY, COPYRIGHT = "knowundo-privacy", "knowundo-copyright"
SOURCE = "arXiv 2407.01920v2, table 7"
# Table 7: batch 1 with 16 accumulated is a step of 16 examples; Adam, cosine with 3% of warm-up.
BASELINE: dict[str, Any] = {
    "epochs": 2,
    "lr": 5e-5,
    "batch_size": 16,
    "micro_batch_size": 1,
    "weight_decay": 0.0,
    "warmup_ratio": 0.03,
    "schedule": "cosine",
}
# The released code shuffles one retain or general text per forget example into one stream, so that
# a step of 16 holds 8 of each on average; here batch_size counts forget examples, and each brings
# its partner.
PAIRED: dict[str, Any] = BASELINE | {"batch_size": 8}
MEMFLEX_LR = 3e-4
# Table 12: mu, sigma.
THRESHOLDS = {
    (COPYRIGHT, LLAMA): (0.92, 6e-4),
    (COPYRIGHT, QWEN): (0.94, 7e-4),
    (PRIVACY, LLAMA): (0.96, 4e-4),
    (PRIVACY, QWEN): (0.94, 2e-4),
}


def baseline_presets(*, paired: bool = False) -> tuple[Preset, ...]:
    """Return a baseline's presets: the same for both domains and both models.

    Args:
        paired: whether every forget example is joined by one of another stream.
    """
    settings = PAIRED if paired else BASELINE
    return tuple(Preset("paper", task, model, settings, SOURCE) for task, model in THRESHOLDS)


def memflex_presets() -> tuple[Preset, ...]:
    """Return MemFlex's presets; the loss's two weights stand in the released code alone."""
    fixed = PAIRED | {"lr": MEMFLEX_LR, "forget_weight": 0.4, "retain_weight": 2.0}
    return tuple(
        Preset(
            "paper",
            task,
            model,
            fixed | {"mu": mu, "sigma": sigma},
            "arXiv 2407.01920v2, tables 7 and 12",
        )
        for (task, model), (mu, sigma) in THRESHOLDS.items()
    )
