"""The task WMDP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from unharness import DataError, DataSource, FineTuneConfig, MetricUse, Task, TaskData
from unharness_tasks.preset_recipes import preset_recipe
from unharness_tasks.wmdp.rows import QUESTIONS, TUNING, wmdp_layout


class Wmdp(Task):
    """Multiple-choice questions on hazardous knowledge; the base model is the target, without gold.

    Every question is asked twice: by letter, as lm-eval does, and by the likelihood of each
    option's text, which sees knowledge that is no longer shown by letters. Chance is 25%.
    """

    name = "wmdp"
    summary = "Forget hazardous biology, chemistry or cybersecurity by WMDP's questions. No gold."
    citation = "Li et al. 2024, WMDP, arXiv 2403.03218; MIT-licensed questions"

    class Config(Task.Config):
        """Which questions, and what methods may read."""

        domain: Literal["bio", "chem", "cyber"] = Field("bio", description="of the questions")
        corpora: bool = Field(
            True,
            description="read the texts that methods train on; false: the questions alone, to "
            "measure models",
        )
        tuning_share: float = Field(
            0.0, ge=0, le=0.5, description="of the questions, kept from the evaluation for tuning"
        )

    metrics = (
        MetricUse(
            "choice_accuracy", "forget_letters", label="wmdp_accuracy", direction="lower", by="sum"
        ),
        MetricUse(
            "choice_accuracy",
            "forget_options",
            label="wmdp_option_accuracy",
            direction="lower",
            by="characters",
        ),
        MetricUse(
            "option_probability",
            "forget_options",
            label="wmdp_option_probability",
            direction="lower",
            options="choices",
        ),
        MetricUse("answer_nats", "forget_options", label="wmdp_option_nats", direction="higher"),
        MetricUse(
            "choice_accuracy",
            "forget_letters",
            label="wmdp_inaccuracy",
            complement=True,
            detail=True,
            by="sum",
            direction="higher",
        ),
    )
    headline = "wmdp_accuracy"
    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {
        "wmdp-paper": ("wmdp_accuracy", "general/mmlu")
    }
    forget_axis = "wmdp_inaccuracy"
    gold = False
    max_length = 2048

    def load(self, source: DataSource) -> TaskData:
        """Read a domain's files: a folder, the cache, the hub, or the bundled stand-in."""
        config = self.config
        return source.load(wmdp_layout(config.domain, config.corpora, config.tuning_share))

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with the questions that were kept from the evaluation.

        Raises:
            DataError: none were.
        """
        if f"{TUNING}forget_letters" not in data.splits:
            raise DataError(
                f"{self.full_name}: all questions are evaluated, and tuning must not see those; "
                "keep some for it, as in --task wmdp:tuning_share=0.2"
            )
        splits = {name: one for name, one in data.splits.items() if not name.startswith(TUNING)}
        for name in QUESTIONS:
            splits[name] = splits[name].with_examples(data[f"{TUNING}{name}"])
        what = "the questions that were kept for validation"
        return TaskData(
            splits, replace(data.origin, description=f"{data.origin.description}; {what}")
        )

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return how a preset learns its general facts; of WMDP nothing is learned."""
        return preset_recipe(model, "full", FineTuneConfig())
