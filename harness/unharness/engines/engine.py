"""What an engine is: text generation only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.strict_model import StrictModel

if TYPE_CHECKING:
    from unharness.models.weights import WeightsRef

OnGenerated = Callable[[int, int], None]


@dataclass(frozen=True)
class Sampling:
    """How text is generated; greedily by default."""

    max_new_tokens: int = 96
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 0
    special_tokens: bool = True
    """Whether the tokenizer adds its special tokens; a chat template has written them itself."""


class Engine(ABC):
    """Generates text with the weights it was given last. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    identity_options: ClassVar[frozenset[str]] = frozenset()
    """Options that can change what is generated, and so belong to a run's identity."""
    slow_start: ClassVar[bool] = False
    """Whether starting it takes so long that runs of one model should share it."""

    class Options(StrictModel):
        """What a user may set by `--engine-set`. Derive from it to add some."""

    @abstractmethod
    def load(self, weights: WeightsRef) -> None:
        """Answer with these weights from now on."""

    @abstractmethod
    def generate(
        self, prompts: Sequence[str], sampling: Sampling, on_done: OnGenerated | None = None
    ) -> list[str]:
        """Return the continuation of every prompt, in order, without the prompt.

        Args:
            prompts: texts; `sampling` says whether the tokenizer adds its special tokens.
            sampling: how.
            on_done: told how many of how many prompts are done.
        """

    def release_memory(self) -> None:
        """Give back what a training needs, until the next `load`; the default closes."""
        self.close()

    def facts(self) -> dict[str, Any]:
        """Return what the record is to say of the engine, as JSON values."""
        return {}

    @abstractmethod
    def close(self) -> None:
        """Free what the engine holds."""
