"""The two base classes of unlearning methods.

Nothing heavy is imported here: a plugin that derives from these lists in no time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from unharness.data.recipe import TrainConfig
from unharness.models.inference import InferenceWrapper, UnlearnedModel
from unharness.strict_model import StrictModel
from unharness.training.hooks import StepHooks
from unharness.unlearning.presets import Preset
from unharness.unlearning.search import Search
from unharness.unlearning.streams import Stream

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from unharness.data.batches import UnlearnBatch
    from unharness.model_types import LanguageModel
    from unharness.unlearning.context import UnlearnContext


EvidenceKind = Literal["oracle", "official-code", "paper"]
"""`oracle`: worked examples that a test compares the loss with; `official-code`: a number that
the authors' code gives on the same input; `paper`: a number of the paper, measured again."""


class Method(ABC):
    """A way to unlearn. Derive from it (or from LossMethod) and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever the same hyperparameters would give other weights."""
    seeded: ClassVar[bool] = True
    """Whether the seed changes the outcome; records of one that ignores it are shared."""
    trains: ClassVar[bool] = True
    """Whether it changes weights; one that does not gets no warning that nothing changed."""
    trains_base: ClassVar[bool] = False
    """Whether it trains the base model by `context.fine_tune("base", …)`, so that the outcome
    depends on it."""
    alternatives: ClassVar[Set[str]] = frozenset()
    """Kinds of other answers that it reads in `context.splits`, besides those of its streams."""
    reads_all_splits: bool = False
    """Whether `context.splits` also holds the splits that are only for measuring."""
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By model preset, "tiny", or by preset and tuning, "tiny:lora": hyperparameters that suit it
    better than the defaults. No part of the source hash: a record holds what was used."""

    presets: ClassVar[Sequence[Preset]] = ()
    """Hyperparameters that were published for it, by task and model."""

    # These only describe the method; they are no part of its source hash.
    family: ClassVar[str] = ""
    """What `unharness methods` groups it with, such as `preference`."""
    evidence: ClassVar[Sequence[tuple[EvidenceKind, str]]] = ()
    """How it is known to be right: a kind, and where the evidence is."""

    threat_model: ClassVar[str] = ""
    """Against whom it protects, where it does not change the weights; a warning on its records says
    so."""

    Wrapper: ClassVar[type[InferenceWrapper] | None] = None
    """The class of the inference wrapper that it leaves, if it leaves one."""

    class Config(StrictModel):
        """Every hyperparameter, typed, bounded and described. Derive from it to add some."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def defaults_for(cls, model: str, tuning: str = "") -> dict[str, Any]:
        """Return what `defaults` says of a model, base classes first.

        Args:
            model: a preset's name.
            tuning: full or lora; what is said of the two together goes before what is said of the
                model. Empty: what is said of the model alone.
        """
        merged: dict[str, Any] = {}
        for parent in reversed(cls.__mro__):
            own = vars(parent).get("defaults", {})
            merged |= own.get(model, {}) | own.get(f"{model}:{tuning}", {})
        return {name: value for name, value in merged.items() if name in cls.Config.model_fields}

    def streams(self) -> Mapping[str, Stream]:
        """Return what the method reads besides the stream "forget", by name.

        It is asked once the hyperparameters are known. "forget" may be redefined.
        """
        return {}

    def check_model(self, config: PretrainedConfig) -> None:  # noqa: B027 - most take any model
        """Refuse a model that the method cannot change; asked before the target is trained.

        Args:
            config: the model's, of transformers: `config.get_text_config().num_hidden_layers`.

        Raises:
            MethodError: the model has not what the hyperparameters name. The default takes any.
        """

    @classmethod
    def summarize_report(cls, report: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what `unharness show` prints of a run's `context.report`, by name.

        The default gives numbers and texts as they are, and of a list its length.
        """
        found: dict[str, str] = {}
        for name, value in report.items():
            if isinstance(value, Mapping):
                inner = cls.summarize_report(value)
                found |= {f"{name}.{key}": text for key, text in inner.items()}
            elif isinstance(value, list | tuple):
                found[name] = f"{len(value)} values"
            else:
                found[name] = f"{value:.4g}" if isinstance(value, float) else str(value)
        return found

    @abstractmethod
    def unlearn(self, context: UnlearnContext) -> UnlearnedModel | None:
        """Change `context.model` so that it forgets, or return another one, or a wrapper.

        Returns:
            What it leaves; None for `context.model` without a wrapper.

        Raises:
            MethodError: it cannot be done; the reason goes into the record.
        """


class LossMethod(Method, StepHooks):
    """A method that is a loss, and perhaps a choice of the parameters that may move.

    The harness does the rest: batches, optimizer, schedule, precision, progress. What a method may
    do within an optimizer step stands in `StepHooks`.
    """

    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 1e-3},
        "micro": {"lr": 3e-3, "epochs": 4, "batch_size": 4},
    }

    class Config(Method.Config, TrainConfig):
        """The hyperparameters of the training; a method adds its own."""

        stop_after: int | None = Field(
            None,
            ge=1,
            description="optimizer steps after which training ends; the learning rate goes as in "
            "the whole training",
        )

        # By hyperparameter: its kind, which says where `unharness tune` looks; a method adds its
        # own.
        search: ClassVar[Mapping[str, Search]] = {"lr": "learning_rate", "epochs": "epochs"}

        @model_validator(mode="after")
        def _a_term_counts(self) -> Self:
            names = [name for name in type(self).model_fields if name.endswith("_weight")]
            if "forget_weight" in names and not any(getattr(self, name) for name in names):
                are = "is" if len(names) == 1 else "are"
                raise ValueError(
                    f"{' and '.join(names)} {are} 0: no term of the loss counts; set one above 0"
                )
            return self

        @model_serializer(mode="wrap")
        def _only_what_is_set(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
            values: dict[str, Any] = dump(self)
            if values.get("stop_after") is None:
                values.pop("stop_after", None)  # ids are as before there was a stop
            return values

    def prepare(self, context: UnlearnContext) -> None:
        """Do what must be done once before training. The default does nothing."""

    def select_parameters(self, context: UnlearnContext) -> Collection[str] | None:
        """Return the names of the parameters that may move; None: all that are trainable."""
        return None

    @abstractmethod
    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean loss of the batch's examples, a scalar.

        Args:
            model: in training mode.
            batch: `batch["forget"]` and the other streams by name; `batch.reference`.
        """

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield scalars that add up to `loss`; each is let go before the next is made.

        Override it where a sum would hold the activations of several forward passes at once.
        """
        yield self.loss(model, batch)

    # What follows only describes the method, for the estimate of memory; it is no part of its
    # source hash.

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the names of the streams that each of the loss's terms passes forward.

        The default: all of them where there is one term; where there are several, each reads one.
        """
        names = ["forget", *(name for name in self.streams() if name != "forget")]
        if type(self).loss_terms is LossMethod.loss_terms:
            return [names]
        return [[name] for name in names]

    def gradients_before_training(self) -> tuple[int, int]:
        """Return what `prepare` holds in memory, where it computes gradients.

        Returns:
            How many gradients of all trainable tensors are held at once, and of how many examples
            a backward pass for them is. The default: none.
        """
        return 0, 0

    def unlearn(self, context: UnlearnContext) -> UnlearnedModel | None:
        """Train `context.model` with the loss."""
        from unharness.unlearning.loss_trainer import train_with_loss

        train_with_loss(self, context)
        return None
