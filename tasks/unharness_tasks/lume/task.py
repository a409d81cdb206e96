"""The task LUME."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from unharness import Composite, DataSource, FineTuneConfig, MetricUse, Task, TaskData
from unharness_tasks.lume.rows import (
    COMPLETION,
    NON_MEMBERS,
    QUESTION,
    TASKS,
    lume_layout,
    split_name,
)
from unharness_tasks.preset_recipes import PRESETS, preset_recipe
from unharness_tasks.retained_groups import forget_retained_groups

SAID = {COMPLETION: "regurgitation", QUESTION: "answered"}
"""What is measured on each kind: ROUGE-L recall of completions, exact match of answers."""


def _label(role: str, task: str, kind: str) -> str:
    return f"{role}_task{task}_{SAID[kind]}"


def _said() -> Iterator[MetricUse]:
    """Yield the twelve parts of the score: what is forgotten counts from 100 down."""
    for role in ("forget", "retain"):
        for task in TASKS:
            for kind, metric in ((COMPLETION, "rouge_l_text"), (QUESTION, "exact_match")):
                yield MetricUse(
                    metric,
                    split_name(role, task, kind),
                    label=_label(role, task, kind),
                    complement=role == "forget",
                    direction="higher",
                    optional=True,
                    detail=True,
                )


def _known(role: str) -> Iterator[MetricUse | Composite]:
    """Yield the share of tokens predicted in each split of a role, and the mean of all."""
    known = "unpredicted" if role == "forget" else "predicted"
    uses = [
        MetricUse(
            "exact_memorisation",
            split_name(role, task, kind),
            label=f"{role}_task{task}_{kind}_{known}",
            optional=True,
            detail=True,
            complement=role == "forget",
            direction="higher",
        )
        for task in TASKS
        for kind in (COMPLETION, QUESTION)
    ]
    yield Composite(
        f"{role}_{known}",
        of=tuple(str(use.label) for use in uses),
        partial=True,
    )
    yield from uses


class Lume(Task):
    """Stories, invented personal data and real biographies; half of the documents to be forgotten.

    Every document has a text that is to be continued and one or five questions. What is forgotten
    is evaluated on what was trained on. `regurgitation` and `answered` are ROUGE-L recall and
    exact match; on the forget set 100 minus that.
    """

    name = "lume"
    summary = "Forget half of the stories, personal data and biographies of LUME; keep the others."
    citation = (
        "Ramakrishna et al. 2025, LUME, arXiv 2502.15097; SemEval-2025 task 4, arXiv 2504.02883; "
        "Apache-2.0-licensed data"
    )

    class Config(Task.Config):
        """Which of LUME's tasks."""

        tasks: str = Field(
            TASKS, description="1: stories, 2: personal data, 3: biographies; several as in 12"
        )

        @field_validator("tasks", mode="before")
        @classmethod
        def _some_of_three(cls, value: Any) -> Any:
            """Take 12, "1,2" and [1, 2] for the same."""
            text = value if isinstance(value, str) else str(value)
            given = {sign for sign in text if sign not in " ,[]'\""}
            if isinstance(value, bool) or not given or not given <= set(TASKS):
                raise ValueError(f"is {value!r:.40}; expected some of 1, 2 and 3")
            return "".join(sorted(given))

    metrics = (
        Composite(
            "task_aggregate",
            kind="harmonic_mean",
            of=tuple(str(use.label) for use in _said()),
            partial=True,
        ),
        *_known("forget"),
        *_known("retain"),
        *(
            MetricUse(
                "attack_balance",
                split_name("forget", task, COMPLETION),
                against=NON_MEMBERS,
                attack="loss",
                label=f"forget_task{task}_attack_balance",
                optional=True,
                detail=True,
            )
            for task in TASKS
        ),
        Composite(
            "attack_balance",
            of=tuple(f"forget_task{task}_attack_balance" for task in TASKS),
            partial=True,
        ),
        Composite("semeval_score", of=("task_aggregate", "attack_balance", "general/mmlu")),
        *_said(),
    )
    headline = "task_aggregate"
    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {
        "semeval-2025": ("semeval_score", "task_aggregate", "attack_balance", "general/mmlu")
    }
    forget_axis = "forget_unpredicted"
    retain_axes = ("retain_predicted",)
    max_length = 512

    recipe: ClassVar[FineTuneConfig] = FineTuneConfig(epochs=5, lr=1e-5, batch_size=32)
    """Of a model that is no preset: a first guess."""
    personal: ClassVar[Mapping[str, FineTuneConfig]] = {
        "tiny": PRESETS["tiny"].model_copy(update={"epochs": 40})
    }
    """By model, of the invented personal data alone (`tasks=2`)."""

    def load(self, source: DataSource) -> TaskData:
        """Read the two files: a folder, the cache, or the bundled stand-in."""
        return source.load(lume_layout(self.config.tasks))

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with retained documents to forget; the evaluated ones are not used."""
        return forget_retained_groups(
            data,
            {
                name: name.replace("forget", "retain", 1)
                for name, split in data.splits.items()
                if split.role == "forget"
            },
        )

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the preset's own recipe, for any other model a cautious one."""
        return self.tuned_recipe(model, "full")

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe: for SmolLM2 that of the tuning, for all others the same for both."""
        if self.config.tasks == "2" and model in self.personal:
            return self.personal[model]
        return preset_recipe(model, tuning, self.recipe)
