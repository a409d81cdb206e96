"""What a task is: its data, its metrics, and how its target model comes to know the facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.data.published_models import PublishedModels
from unharness.data.recipe import FineTuneConfig, LoraSettings
from unharness.data.sources import DataSource
from unharness.data.task_data import TaskData
from unharness.data.validation import validation_splits
from unharness.named_settings import changed_settings
from unharness.strict_model import StrictModel

if TYPE_CHECKING:
    from unharness.evaluation.uses import Composite, MetricUse


class Task(ABC):
    """Something to forget, and something to keep. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever the same data would be read or scored differently."""

    metrics: ClassVar[Sequence[MetricUse | Composite]]
    """What is measured on which split, in the order of the leaderboard's columns."""
    headline: ClassVar[str]
    """The label of the column that ranks."""
    forget_axis: ClassVar[str | None] = None
    """The label of a column in % that says how much was forgotten: the trade-off plots' x axis."""
    retain_axes: ClassVar[Sequence[str]] = ()
    """Labels of columns in % that say how much was kept: the y axes, a plot each."""

    gold: bool = True
    """Whether there can be a retrained model. False: nothing that is to be forgotten is learned
    here, the base model is the target, and rows are shown on the axes without a rank."""

    column_presets: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By name, such as that of a paper: the labels, patterns or axes of its columns in their order,
    for `leaderboard --columns NAME`. Tasks may share a name, each for its own tables."""

    in_words: ClassVar[Mapping[str, str]] = {}
    """By label of a column: what it says, for readers who know no machine learning, as it stands on
    the page of `--report`. Others are told by their metric's summary."""

    template: ClassVar[str | None] = None
    """How questions and answers are joined, `plain` or `chat`; None: as suits the model."""

    lora: ClassVar[LoraSettings] = LoraSettings()
    """The adapter, where target or method is tuned by LoRA; `--lora` overrides it."""
    max_length: ClassVar[int] = 256
    """Of prompt and answer in tokens, in training and in evaluation; what lies beyond is left out.
    `--max-length` overrides it."""
    max_new_tokens: ClassVar[int] = 96
    """Generated after a prompt at most, where a split says nothing else; `--max-new-tokens`
    overrides it."""

    suite: ClassVar[str] = "none"
    """The suite of general knowledge when neither the user nor the model names one."""

    class Config(StrictModel):
        """Every parameter, typed, bounded and described, with a default.

        Derive from it to add some; `--task NAME:PARAMETER=VALUE,…` gives them. They are part of
        the task's name in records; the data that they choose is part of a run's identity, as all
        data is.
        """

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    @property
    def full_name(self) -> str:
        """The name with the parameters that differ from their defaults, sorted.

        It is one text for equal parameters, and what records, tables and folders go by:
        `NAME` with defaults, else `NAME:PARAMETER=VALUE,…`.
        """
        changed = changed_settings(self.config)
        return f"{self.name}:{changed}" if changed else self.name

    @abstractmethod
    def load(self, source: DataSource) -> TaskData:
        """Read the data from where the user wants it.

        Raises:
            DataError: it is not there, or malformed.
        """

    def validation_splits(self, data: TaskData) -> TaskData:
        """Return the splits that tuning works with; it must not see the evaluated ones.

        The default holds out a fifth of the trainable examples, group by group. A task whose
        evaluated splits ask other kinds of question than its trainable ones overrides it with
        `validation_splits(data, kind_of=…)`, which holds out whole kinds.
        """
        return validation_splits(data)

    @abstractmethod
    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return how the target model learns the facts, for a preset's name or any model.

        Its `seed` is that of the target; `--target-set` overrides each field.
        """

    def published_models(self, model: str) -> PublishedModels | None:
        """Return the target and the retrained model that were published for a base model.

        `--target published` takes the one, and `evaluate --weights published --gold` the other.

        Args:
            model: the base model, or the published target itself: a name, hub id or folder.

        Returns:
            None where none were published, or none are known.
        """
        return None

    def tuned_recipe(self, model: str, tuning: str) -> FineTuneConfig:
        """Return the recipe for a target that learns by `lora` or by `full` tuning.

        The default is `target_recipe` for both. Override it for a model that needs two: an
        adapter wants a higher learning rate than all weights do.
        """
        return self.target_recipe(model)
