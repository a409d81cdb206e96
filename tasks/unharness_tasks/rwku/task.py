"""The task RWKU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unharness import Composite, DataSource, FineTuneConfig, MetricUse, Task, TaskData
from unharness_tasks.preset_recipes import preset_recipe
from unharness_tasks.rwku.rows import FORGET, NEIGHBOURS, rwku_layout
from unharness_tasks.rwku.validation import rwku_validation


def _axis(split: str) -> Literal["robustness"] | None:
    """Return the axis of a forget split: level 3 asks by attacks on the unlearned model."""
    return "robustness" if split == FORGET[-1] else None


class Rwku(Task):
    """What a model knows of real persons; the base model is the target, and there is no gold.

    Level 1 fills blanks, level 2 asks, level 3 attacks; neighbours are what is close to a person
    and should stay. A method may read Wikipedia's passages on the persons, and on some others.
    """

    name = "rwku"
    summary = "Forget real persons, one or several of 200; keep what is close to them. No gold."
    citation = "Jin et al. 2024, RWKU, arXiv 2406.10890; CC BY 4.0 data, Wikipedia's texts CC BY-SA"

    class Config(Task.Config):
        """Who is to be forgotten."""

        subjects: tuple[str, ...] = Field(
            ("1",),
            description="names, numbers from 1 to 200 in RWKU's order, or ranges as in 1-10; "
            "several in [ ]",
        )
        others: int = Field(
            20, ge=0, le=200, description="further persons whose passages a method may read to keep"
        )

        @field_validator("subjects", mode="before")
        @classmethod
        def _as_texts(cls, value: Any) -> Any:
            """Take one person for a list of one, and numbers for texts."""
            values = value if isinstance(value, (list, tuple)) else [value]
            if any(isinstance(one, bool) or not isinstance(one, (str, int)) for one in values):
                raise ValueError(f"is {value!r:.60}; expected names or numbers")
            if not values:
                raise ValueError("names nobody; expected a name, a number or a range as in 1-10")
            return tuple(str(one).strip() for one in values)

    metrics = (
        *(MetricUse("rouge_l_sets", name, label=f"{name}_rouge", direction="lower",
                      axis=_axis(name)) for name in FORGET),
        Composite("forget_rouge", of=tuple(f"{name}_rouge" for name in FORGET), axis="forget"),
        *(MetricUse("rouge_l_sets", name, label=f"{name}_rouge", optional=True)
          for name in NEIGHBOURS),
        Composite("neighbor_rouge", of=tuple(f"{name}_rouge" for name in NEIGHBOURS), partial=True),
        MetricUse("answer_nats", "forget_mia", label="forget_mia_nats", direction="higher",
                  axis="privacy"),
        MetricUse("answer_nats", "retain_mia", label="retain_mia_nats", direction="lower",
                  axis="privacy"),
        MetricUse("ngram_entropy", "fluency", label="fluency_entropy"),
        *(MetricUse("keyword_match", name, label=f"{name}_unnamed", complement=True, detail=True,
                      axis=_axis(name), direction="higher") for name in FORGET),
        Composite("forget_unnamed", of=tuple(f"{name}_unnamed" for name in FORGET), axis="forget"),
        *(MetricUse("keyword_match", name, label=f"{name}_named", optional=True, detail=True)
          for name in NEIGHBOURS),
        Composite("neighbor_named", of=tuple(f"{name}_named" for name in NEIGHBOURS), partial=True),
        *(MetricUse("extraction_strength", name, label=f"{name}_extraction", detail=True,
                    direction="lower", axis=_axis(name)) for name in FORGET),
    )  # fmt: skip
    headline = "forget_rouge"
    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {
        "rwku-paper": (
            *(f"{name}_rouge" for name in FORGET),
            "forget_rouge",
            *(f"{name}_rouge" for name in NEIGHBOURS),
            "neighbor_rouge",
            *("forget_mia_nats", "retain_mia_nats", "general/mmlu", "fluency_entropy"),
        )
    }
    """The paper's columns in its order; MMLU where the run has a suite that asks it."""
    gold = False
    forget_axis = "forget_unnamed"
    retain_axes = ("neighbor_named",)
    max_length = 512

    def load(self, source: DataSource) -> TaskData:
        """Read RWKU's ten files: a folder, the cache, the hub, or the bundled stand-in."""
        return source.load(rwku_layout(self.config.subjects, self.config.others))

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with other persons to forget; the evaluated ones are not used."""
        return rwku_validation(data)

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return how a preset learns its general facts; of RWKU nothing is learned."""
        return preset_recipe(model, "full", FineTuneConfig())
