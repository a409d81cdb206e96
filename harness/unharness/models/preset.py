"""Model presets: models known by a name of ours, with what suits them."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from unharness.data.examples import Example, content_hash
from unharness.data.recipe import Precision
from unharness.data.templates import PLAIN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.data.task_data import TaskData
    from unharness.model_types import LanguageModel
    from unharness.progress import Progress

Tuning = Literal["lora", "full"]


class ModelPreset(ABC):
    """A model that is known by name. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever `build` gives another model for the same data."""
    tuning: ClassVar[Tuning] = "full"
    """How it is tuned when the user does not say."""
    target_tuning: ClassVar[Tuning | None] = None
    """How its target model always learns; None: in the way that unlearning will go on."""

    def knowledge(self) -> tuple[Example, ...]:
        """Return what the model must be taught besides the task, having learned nothing before."""
        return ()

    suite: ClassVar[str] = "none"
    """The suite that measures its general knowledge when the user does not say."""

    limit_train: ClassVar[int | None] = None
    """How many examples of each split it learns when the user does not say; None for all."""

    precision: ClassVar[Precision | None] = None
    """Of the arithmetic of training when the user does not say; None: what suits the device."""

    template: ClassVar[str] = PLAIN
    """How questions and answers are joined when neither user nor task says."""

    def fingerprint(self, data: TaskData) -> str:
        """Return the SHA-256 of everything that decides what `build` gives for the data."""
        parts = ["preset", self.name, self.version, data.learned_hash()]
        parts.append(content_hash(self.knowledge()))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def prepare(self, progress: Progress) -> None:  # noqa: B027 - most have nothing to fetch
        """Fetch what `build` needs, if it is not there yet. The default does nothing."""

    @abstractmethod
    def build(self, data: TaskData) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Return the base model, on the CPU in float32, and its tokenizer.

        Must give the same weights for the same data at every call.
        """

    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase]:
        """Return the model's configuration, and its tokenizer; where it can, without weights.

        The default builds the model.
        """
        model, tokenizer = self.build(data)
        return model.config, tokenizer
