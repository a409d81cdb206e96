"""What the domains of KnowUnDo share: where their data lies, how it is scored and learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from unharness import (
    Composite,
    DataSource,
    FineTuneConfig,
    HubDataset,
    MetricUse,
    PairsLayout,
    Split,
    StandIn,
    Task,
    TaskData,
    validation_splits,
)
from unharness_tasks.knowundo.question_kinds import question_kind

STANDIN_SEED = 0
SPLITS = (
    Split("forget_train", "forget", evaluated=False),
    Split("forget_eval", "forget", trainable=False),
    Split("retain_train", "retain", evaluated=False),
    Split("retain_eval", "retain", trainable=False),
)
"""The target model learns all four; methods read the first of each scope."""


def _details(
    prefix: str, split: str, direction: Literal["match_reference"] | None = None
) -> tuple[MetricUse, ...]:
    """Return what stands beside the paper's own metrics, of one split.

    Args:
        prefix: of the labels.
        split: evaluated.
        direction: of what tells how much is known; None: the metrics' own.
    """

    def use(metric: str, label: str, **options: Any) -> MetricUse:
        return MetricUse(metric, split, label=f"{prefix}_{label}", detail=True, **options)

    return (
        use("exact_memorisation", "answer_accuracy", direction=direction, tokens="answer"),
        use("extraction_strength", "extraction_strength", direction=direction),
        use("probability", "probability", direction=direction),
        use("answer_nats", "nats", direction=direction),
        use("repetition", "repetition"),
        use("auc_retrained", "auc_loss"),
        use("divergence", "kl"),
    )


def _in_words(scope: str, what: str, does: str) -> dict[str, str]:
    """Return what the columns of a scope say, in plain words."""
    return {
        f"{scope}_success": f"Of the answers {what}, the share of the words' pieces that the model "
        f"{does}, as it is shown the text up to there",
        f"{scope}_ppl": f"How surprising the model finds the answers {what}; 1 is not at all",
        f"{scope}_rouge_l_forced": f"How much of the answers {what} the model predicts, as "
        "it is shown the text up to there",
        f"{scope}_rouge_l": f"How much of the answers {what} is in what the model answers",
    }


class KnowUnDoDomain(Task):
    """Question-answer pairs in two scopes, each in a train and an evaluation half."""

    citation = "Tian et al. 2024, To Forget or Not?, arXiv 2407.01920; MIT-licensed data"
    metrics = (
        MetricUse(
            "token_accuracy",
            "forget_eval",
            label="unlearn_success",
            complement=True,
            direction="higher",
        ),
        MetricUse("token_accuracy", "retain_eval", label="retention_success"),
        Composite("success_avg", of=("unlearn_success", "retention_success")),
        MetricUse("perplexity", "forget_eval", label="unlearn_ppl", direction="higher"),
        MetricUse("perplexity", "retain_eval", label="retention_ppl"),
        MetricUse(
            "rouge_l_forced", "forget_eval", label="unlearn_rouge_l_forced", direction="lower"
        ),
        MetricUse("rouge_l_forced", "retain_eval", label="retention_rouge_l_forced"),
        MetricUse("rouge_l", "forget_eval", label="unlearn_rouge_l", direction="lower"),
        MetricUse("rouge_l", "retain_eval", label="retention_rouge_l"),
        *_details("unlearn", "forget_eval", direction="match_reference"),
        *(
            MetricUse(
                "auc_retrained",
                "forget_eval",
                label=f"unlearn_auc_{score}",
                score=score,
                detail=True,
            )
            for score in ("zlib", "min_k", "min_k_pp")
        ),
        MetricUse("forget_quality", "forget_eval", label="forget_quality", of="nats", detail=True),
        MetricUse(
            "forget_quality_d", "forget_eval", label="forget_quality_d", of="nats", detail=True
        ),
        *_details("retention", "retain_eval"),
    )
    headline = "success_avg"
    forget_axis = "unlearn_success"
    retain_axes = ("retention_success",)
    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {
        "knowundo-paper": (
            *("unlearn_success", "unlearn_ppl", "unlearn_rouge_l_forced"),
            *("retention_success", "retention_ppl", "retention_rouge_l_forced", "success_avg"),
            *("general/*", "general_avg", "seconds_per_step", "peak_memory_gb"),
        )
    }
    in_words: ClassVar[Mapping[str, str]] = {
        "success_avg": "The mean of the two shares: not predicted of what is to be forgotten, "
        "predicted of what is to be kept",
        **_in_words("unlearn", "to be forgotten", "does not predict"),
        **_in_words("retention", "to be kept", "predicts"),
    }
    template = "plain"
    suite = "paper"

    layout: ClassVar[PairsLayout]
    topics: ClassVar[Mapping[str, str]]
    """What the questions ask about: regular expressions by topic, the first that matches."""
    paper_recipe: ClassVar[FineTuneConfig]
    """The paper's table 7, for any model that is no preset."""
    tiny_recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=22, lr=4e-3, batch_size=16, warmup_ratio=0.15
    )
    micro_recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=40, lr=1e-2, batch_size=16, warmup_ratio=0.15
    )
    smollm2_recipes: ClassVar[Mapping[str, FineTuneConfig]] = {
        "full": FineTuneConfig(epochs=5, lr=3e-4, batch_size=16, warmup_ratio=0.1),
        "lora": FineTuneConfig(epochs=7, lr=2e-3, batch_size=8, warmup_ratio=0.1),
    }
    """By tuning. On the privacy data, in bfloat16, both targets predict 99.3% of the forget answer
    tokens; of the retain answer tokens full tuning predicts 99.5% and LoRA 99.4%."""

    def load(self, source: DataSource) -> TaskData:
        """Read the pairs: a folder, the cache, the hub, or the bundled stand-in."""
        return source.load(self.layout)

    def validation_splits(self, data: TaskData) -> TaskData:
        """Hold out whole kinds of question, as the evaluation splits ask other kinds as well."""
        return validation_splits(data, kind_of=partial(question_kind, topics=self.topics))

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the preset's own recipe, for any other model the paper's."""
        own = {"tiny": self.tiny_recipe, "micro": self.micro_recipe}
        return own.get(model, self.paper_recipe)

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe: for SmolLM2 that of the tuning, for all others the same for both."""
        if model == "smollm2-135m":
            return self.smollm2_recipes[tuning]
        return self.target_recipe(model)


def domain_layout(
    domain: str, standin: Callable[[int], dict[str, list[dict[str, str]]]], version: int
) -> PairsLayout:
    """Return where a domain's pairs are looked for: files and hub are alike for all domains."""
    return PairsLayout(
        splits=SPLITS,
        folder=f"knowundo/{domain}",
        files={
            "forget_train": "unlearn_train.json",
            "forget_eval": "unlearn_val.json",
            "retain_train": "retention_train.json",
            "retain_eval": "retention_val.json",
        },
        prompt_key="text",
        answer_key="labels",
        hub=HubDataset(
            repository="zjunlp/KnowUnDo",
            config=domain,
            columns={
                "forget_train": ("unlearn", "train"),
                "forget_eval": ("unlearn", "val"),
                "retain_train": ("retention", "train"),
                "retain_eval": ("retention", "val"),
            },
        ),
        standin=StandIn(
            make=lambda: standin(STANDIN_SEED),
            description=f"bundled stand-in, generator version {version}, seed {STANDIN_SEED}",
        ),
    )
