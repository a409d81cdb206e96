"""The task of the user's own facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from unharness import (
    Composite,
    DataError,
    DataSource,
    FineTuneConfig,
    MetricUse,
    Task,
    TaskData,
)
from unharness_tasks.files.rows import (
    EVALUATED,
    NO_RETAIN,
    Asked,
    few_groups,
    files_layout,
    held_out,
)
from unharness_tasks.preset_recipes import preset_recipe
from unharness_tasks.retained_groups import forget_retained_groups

FORGET = ("forget", "forget_text", "forget_choice")
RETAIN = tuple(f"{name}{EVALUATED}" for name in ("retain", "retain_text", "retain_choice"))


def _words(role: str, splits: tuple[str, ...], what: str) -> dict[str, str]:
    """Return what the columns of a role say, in plain words."""
    _, texts, choices = splits
    return {
        f"{role}_extraction": f"Of each answer {what}, the end that the model completes without a "
        "mistake",
        f"{role}_answer_probability": f"How likely the model finds the answers {what}, a word's "
        "piece on average",
        f"{role}_answer_rouge": f"How much of the answers {what} is in what the model answers",
        f"{role}_answer_match": f"Answers {what} that the model gives in the very same words",
        f"{choices}_accuracy": f"Questions {what} with given options that the model answers "
        "rightly",
        f"{texts}_nats": f"How surprising the model finds the texts {what}",
    }


def _known(splits: tuple[str, ...], label: str, *, complement: bool) -> Iterator[Any]:
    """Yield the share of tokens predicted in each split, and the mean of those that are there."""
    ending = "unpredicted" if complement else "predicted"
    yield Composite(label, of=tuple(f"{name}_{ending}" for name in splits), partial=True)
    for name in splits:
        yield MetricUse(
            "exact_memorisation",
            name,
            label=f"{name}_{ending}",
            complement=complement,
            direction="higher",
            optional=True,
            detail=True,
        )


def _of_answers(metric: str, label: str, **params: Any) -> Iterator[MetricUse]:
    """Yield a metric on the questions to forget and on those to retain."""
    detail = params.pop("detail", False)
    for role, split in (("forget", FORGET[0]), ("retain", RETAIN[0])):
        yield MetricUse(
            metric,
            split,
            label=f"{role}_{label}",
            direction="match_reference" if role == "forget" else None,
            optional=True,
            detail=detail,
            **params,
        )


def _of_kind(metric: str, splits: tuple[str, str], ending: str) -> Iterator[MetricUse]:
    """Yield a metric on what is to be forgotten of one kind, and on what is to be retained."""
    for split in splits:
        yield MetricUse(
            metric,
            split,
            label=f"{split}_{ending}",
            direction="match_reference" if split in FORGET else None,
            optional=True,
        )


class Files(Task):
    """Facts from the user's own files: questions, texts or choices, to forget and to retain.

    What is to be forgotten is evaluated on what was trained on, and on its paraphrases. A fifth of
    the retained groups are evaluated and read by no method.
    """

    name = "files"
    summary = "Forget facts of your own, from files of JSON lines, CSV or Parquet."
    version = 2

    class Config(Task.Config):
        """How the rows are read."""

        prompts: Asked = Field(
            "qa", description="qa: prompts are questions; completion: beginnings of texts"
        )
        teach: bool = Field(
            True,
            description="the target model learns the facts; false: the base model knows them, so "
            "it is the target, and there is no gold",
        )

    metrics = (
        *_of_answers("extraction_strength", "extraction"),
        *_known(FORGET, "forget_unpredicted_mean", complement=True),
        *_known(RETAIN, "retain_predicted_mean", complement=False),
        *_of_answers("probability", "answer_probability"),
        *_of_answers("rouge_l_text", "answer_rouge", measure="f1", script="unicode"),
        *_of_answers("exact_match", "answer_match", also=("alias",)),
        *_of_answers("truth_ratio", "answer_truth_ratio", correct="answer", detail=True),
        *_of_answers("paraphrase_probability", "paraphrase", detail=True),
        *_of_kind("answer_nats", (FORGET[1], RETAIN[1]), "nats"),
        *_of_kind("choice_accuracy", (FORGET[2], RETAIN[2]), "accuracy"),
        *(
            MetricUse(
                "membership_auc", name, against=other, label=f"{name}_auc_loss", optional=True
            )
            for name, other in (("forget", "holdout"), ("forget_text", "holdout_text"))
        ),
        *(
            MetricUse("exact_memorisation", name, label=f"{name}_predicted", optional=True)
            for name in ("utility", "utility_text", "utility_choice")
        ),
    )
    headline = "forget_unpredicted_mean"
    in_words: ClassVar[Mapping[str, str]] = {
        "forget_unpredicted_mean": "Of what is to be forgotten, the share of the words' pieces "
        "that the model does not predict, though it is shown the text up to there",
        "retain_predicted_mean": "Of what is to be kept, the share of the words' pieces that the "
        "model predicts, as it is shown the text up to there",
        **_words("forget", FORGET, "to be forgotten"),
        **_words("retain", RETAIN, "to be kept"),
        "forget_auc_loss": "How well the facts to forget can be told from facts that the model "
        "never learned; 50% is by chance alone",
        "forget_text_auc_loss": "How well the texts to forget can be told from texts that the "
        "model never learned; 50% is by chance alone",
    }
    forget_axis = "forget_unpredicted_mean"
    retain_axes = ("retain_predicted_mean",)
    max_length = 512

    recipe: ClassVar[FineTuneConfig] = FineTuneConfig(epochs=10, lr=1e-5, batch_size=16)
    """Of a model that is no preset; a first guess, as the presets' own are."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.gold = self.config.teach

    def load(self, source: DataSource) -> TaskData:
        """Read the user's files, one by one or from a folder, or the bundled stand-in."""
        data = source.load(files_layout(self.config.prompts, self.config.teach))
        evaluated = {split.name: split.examples for split in data.evaluated()}
        if note := few_groups(evaluated):
            origin = replace(data.origin, description=f"{data.origin.description}; {note}")
            data = replace(data, origin=origin)
        if not data.with_role("retain"):
            data = replace(data, origin=replace(data.origin, notes=(NO_RETAIN,)))
        return data

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the data with retained groups to forget, and others of them to retain.

        The evaluated rows are not used.

        Raises:
            DataError: no retained rows are of a kind that is to be forgotten, or too few.
        """
        pairs = {
            name: name.replace("forget", "retain", 1)
            for name in FORGET
            if name in data.splits and name.replace("forget", "retain", 1) in data.splits
        }
        if not pairs:
            raise DataError(
                "tuning forgets retained rows in place of the others, and none that methods may "
                "read are of the same kind; give more retain rows"
            )
        unused = {name for name in FORGET if name not in pairs} | set(RETAIN)
        kept = {name: split for name, split in data.splits.items() if name not in unused}
        tuned = forget_retained_groups(replace(data, splits=kept), pairs)
        parted = held_out({name: tuned[name] for name in pairs.values() if name in tuned.splits})
        splits = dict(tuned.splits)
        for name, examples in parted.items():
            splits[name] = data.splits[name].with_examples(examples)
        return TaskData({name: one for name, one in splits.items() if one.examples}, tuned.origin)

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the preset's own recipe, for any other model a cautious one."""
        return preset_recipe(model, "full", self.recipe)

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe: for SmolLM2 that of the tuning, for all others the same for both."""
        return preset_recipe(model, tuning, self.recipe)
