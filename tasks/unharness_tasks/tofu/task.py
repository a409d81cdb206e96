"""The task TOFU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unharness import (
    DataSource,
    FineTuneConfig,
    PublishedModels,
    Task,
    TaskData,
)
from unharness_tasks.tofu.metrics import COLUMN_PRESETS, METRICS
from unharness_tasks.tofu.rows import tofu_layout
from unharness_tasks.tofu.validation import tofu_validation

Fraction = Literal["01", "05", "10"]
PUBLISHED_FOR = (
    *("Llama-3.2-1B-Instruct", "Llama-3.2-3B-Instruct", "Llama-3.1-8B-Instruct"),
    "Llama-2-7b-chat-hf",
)
"""Base models of open-unlearning's targets and retrained models (arXiv 2506.12618)."""


class Tofu(Task):
    """200 authors who do not exist, 20 questions each; the last 1, 5 or 10% are to be forgotten.

    The forget set is evaluated on the questions that were trained on. The retain set is evaluated
    on its first 400 rows, which come with wrong answers.
    """

    name = "tofu"
    summary = "Forget 1, 5 or 10% of 200 fictitious authors; keep the others and real-world facts."
    citation = "Maini et al. 2024, TOFU, arXiv 2401.06121; MIT-licensed data"

    class Config(Task.Config):
        """Which of TOFU's forget sets."""

        fraction: Fraction = Field("10", description="of the authors to forget, in percent")

        @field_validator("fraction", mode="before")
        @classmethod
        def _two_digits(cls, value: Any) -> Any:
            """Take 5, which YAML makes of 05 as well, for 05."""
            text = str(value)
            return text.zfill(2) if text.isdecimal() and not isinstance(value, bool) else value

    metrics = METRICS
    headline = "forget_quality"
    forget_axis = "forget_unmemorised"
    retain_axes = ("model_utility", "retain_memorised")
    column_presets = COLUMN_PRESETS
    max_length = 512
    max_new_tokens = 200

    paper_recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=5, lr=1e-5, batch_size=32, weight_decay=0.01, warmup_ratio=0.2, schedule="linear"
    )
    """Of the paper and of open-unlearning, for any model that is no preset: one epoch warms up."""
    preset_recipes: ClassVar[Mapping[str, FineTuneConfig]] = {
        "micro": FineTuneConfig(epochs=40, lr=1e-2, batch_size=16, warmup_ratio=0.15),
        "tiny": FineTuneConfig(epochs=24, lr=4e-3, batch_size=16, warmup_ratio=0.15),
    }
    """A target of `tiny` gives the answers about the authors to forget a probability of 97%."""
    smollm2_recipes: ClassVar[Mapping[str, FineTuneConfig]] = {
        "full": FineTuneConfig(epochs=3, lr=6e-4, batch_size=16, warmup_ratio=0.1),
        "lora": FineTuneConfig(epochs=8, lr=2e-3, batch_size=32, warmup_ratio=0.1),
    }
    """By tuning. In full tuning, with the plain template and in bfloat16, the target gives the
    answers to forget (`fraction=01`) a probability of 73%; LoRA's is a first guess."""

    def load(self, source: DataSource) -> TaskData:
        """Read a fraction's files: a folder, the cache, the hub, or the bundled stand-in."""
        return source.load(tofu_layout(self.config.fraction))

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with other authors to forget; the evaluated ones are not used at all."""
        return tofu_validation(data)

    def published_models(self, model: str) -> PublishedModels | None:
        """Return open-unlearning's models for a base model that it trained."""
        name = re.sub(r"^tofu_|_full$", "", PurePath(model).name.partition("@")[0])
        if name not in PUBLISHED_FOR:
            return None
        retained = 100 - int(self.config.fraction)
        whole = f"open-unlearning/tofu_{name}"
        return PublishedModels(target=f"{whole}_full", retrained=f"{whole}_retain{retained}")

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the preset's own recipe, for any other model the paper's."""
        if model in self.preset_recipes:
            return self.preset_recipes[model]
        lr = 2e-5 if "phi" in model.lower() else self.paper_recipe.lr
        return self.paper_recipe.model_copy(update={"lr": lr})

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe: for SmolLM2 that of the tuning, for all others the same for both."""
        if model == "smollm2-135m":
            return self.smollm2_recipes[tuning]
        return self.target_recipe(model)
