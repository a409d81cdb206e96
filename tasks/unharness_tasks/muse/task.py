"""The task MUSE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from unharness import (
    DataSource,
    FineTuneConfig,
    MetricUse,
    PublishedModels,
    Task,
    TaskData,
)
from unharness_tasks.muse.rows import muse_layout
from unharness_tasks.muse.validation import muse_validation
from unharness_tasks.preset_recipes import preset_recipe

Fold = Literal[
    "none", "scal-1", "scal-2", "scal-3", "scal-4", "sust-1", "sust-2", "sust-3", "sust-4"
]
PUBLISHED_FOR = {"news": ("Llama-2-7b-hf", "MUSE-News_target"), "books": ("MUSE-Books_target",)}
"""The base models of MUSE's targets, and these themselves. That of Books, ICLM-7B, is on no hub
that is known here."""


class Muse(Task):
    """News articles or books that a model learned, to be forgotten word for word and as knowledge.

    VerbMem continues a text to forget, KnowMem asks about it behind ten answered questions,
    PrivLeak tells its texts from ones that no model learned.
    """

    name = "muse"
    summary = "Forget news articles or books, verbatim and as knowledge; keep others."
    citation = "Shi et al. 2024, MUSE, arXiv 2407.06460; texts of third parties, read from the hub"

    class Config(Task.Config):
        """Which corpus, and which of its forget sets."""

        corpus: Literal["news", "books"] = Field("news", description="articles, or novels")
        fold: Fold = Field(
            "none",
            description="of news: a forget set that grows (scal), or one of four that come one "
            "after another (sust)",
        )

        @model_validator(mode="after")
        def _only_news_has_folds(self) -> Muse.Config:
            if self.corpus == "books" and self.fold != "none":
                raise ValueError("books has no folds; leave fold out")
            return self

    metrics = (
        MetricUse(
            "verbmem",
            "forget_verbmem",
            label="verbmem_forget",
            direction="match_reference",
            optional=True,
        ),
        MetricUse(
            "knowmem",
            "forget_knowmem",
            label="knowmem_forget",
            direction="match_reference",
            optional=True,
        ),
        MetricUse(
            "privleak",
            "forget_privleak",
            against="holdout_privleak",
            label="privleak_forget",
            attack="min_k",
            optional=True,
        ),
        MetricUse("knowmem", "retain_knowmem", label="knowmem_retain"),
        MetricUse(
            "exact_memorisation",
            "forget_sample",
            label="forget_sample_memorised",
            direction="match_reference",
            optional=True,
        ),
        MetricUse(
            "extraction_strength",
            "forget_verbmem",
            label="verbmem_extraction",
            direction="match_reference",
            optional=True,
            detail=True,
        ),
        MetricUse(
            "membership_auc",
            "forget_privleak",
            against="holdout_privleak",
            label="privleak_auc",
            score="min_k",
            optional=True,
            detail=True,
        ),
        MetricUse(
            "verbmem",
            "forget_verbmem",
            label="verbmem_forgotten",
            complement=True,
            direction="higher",
            optional=True,
            detail=True,
        ),
    )
    headline = "verbmem_forget"
    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {
        "muse-paper": ("verbmem_forget", "knowmem_forget", "privleak_forget", "knowmem_retain"),
        "open-unlearning": (
            *("knowmem_forget", "verbmem_forget", "privleak_forget", "knowmem_retain"),
            "verbmem_extraction",
        ),
    }
    forget_axis = "verbmem_forgotten"
    retain_axes = ("knowmem_retain",)
    max_length = 2048
    max_new_tokens = 128

    paper_recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=5, lr=1e-5, batch_size=32, warmup_ratio=0.0, schedule="constant"
    )
    """Of the paper, as far as it is known: its schedule is not."""

    def load(self, source: DataSource) -> TaskData:
        """Read a corpus' files: a folder, the cache, the hub, or the bundled stand-in."""
        return source.load(muse_layout(self.config.corpus, self.config.fold))

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with other texts to forget; the evaluated ones are not used at all."""
        return muse_validation(data)

    def published_models(self, model: str) -> PublishedModels | None:
        """Return MUSE's models for a base model that it trained."""
        corpus = self.config.corpus
        if self.config.fold != "none":
            return None
        if PurePath(model).name.partition("@")[0] not in PUBLISHED_FOR[corpus]:
            return None
        whole = f"muse-bench/MUSE-{corpus.capitalize()}"
        return PublishedModels(target=f"{whole}_target", retrained=f"{whole}_retrain")

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the preset's own recipe, for any other model the paper's."""
        return preset_recipe(model, "full", self.paper_recipe)

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe: for SmolLM2 that of the tuning, for all others the same for both."""
        return preset_recipe(model, tuning, self.paper_recipe)
