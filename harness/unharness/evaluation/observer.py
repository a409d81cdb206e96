"""What an observer is, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from unharness.data.examples import Example, Split
from unharness.data.templates import CHAT, PLAIN, effective_template, prompt_text
from unharness.engines.engine import Engine, Sampling
from unharness.evaluation.observed import Observed
from unharness.evaluation.requests import Observation
from unharness.progress import Progress
from unharness.reference_rows import ReferenceRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel
    from unharness.models.weights import WeightsRef

OnDone = Callable[[int, int], None]


@dataclass
class ObserverContext:
    """A model, and how it is asked."""

    weights: WeightsRef
    engine: Engine
    max_length: int
    """Of prompt and answer in tokens. What a wrapper adds to the prompt counts on top: the same
    tokens of an answer are scored with it and without."""
    max_new_tokens: int
    progress: Progress = field(default_factory=Progress)
    template: str = PLAIN
    """Of splits that have none of their own."""
    reference_weights: Callable[[ReferenceRow], WeightsRef | None] = lambda name: None
    """Gives the models that are observed together with this one; see `reference`."""
    _loaded: dict[str, WeightsRef] = field(default_factory=dict, repr=False)
    """What the engine answers with; shared with the contexts of references."""

    @property
    def model(self) -> LanguageModel:
        """The model, in evaluation mode, on its device."""
        return self.weights.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's tokenizer."""
        return self.weights.tokenizer

    def reference(self, name: ReferenceRow) -> ObserverContext | None:
        """Return the base, target or retrained model, asked in the same way.

        Nothing is trained for it; ask for one after another, as one is held in memory at a time.

        Returns:
            None where the model is not in the cache.
        """
        weights = self.reference_weights(name)
        return None if weights is None else replace(self, weights=weights)

    def template_of(self, split: Split) -> str:
        """Return how prompts and answers of a split are joined."""
        return effective_template(split, self.template)

    def length(self, examples: Sequence[Example]) -> int:
        """Return the most tokens that are scored, with what a wrapper adds to these prompts."""
        if self.weights.wrapper is None:
            return self.max_length
        grown = [
            self._tokens(self.asked(row).prompt) - self._tokens(row.prompt) for row in examples
        ]
        return self.max_length + max([0, *grown])

    def _tokens(self, text: str) -> int:
        return len(self.tokenizer(text, verbose=False)["input_ids"])

    def asked(self, example: Example) -> Example:
        """Return an example with the prompt that the model is given."""
        wrapper = self.weights.wrapper
        return replace(example, prompt=wrapper.prompt(example.prompt)) if wrapper else example

    def adds_special_tokens(self, split: Split) -> bool:
        """Return whether the tokenizer adds them; a chat template has written them itself."""
        return self.template_of(split) != CHAT

    def generate(self, split: Split, sampling: Sampling, on_done: OnDone) -> list[str]:
        """Return what the engine writes after every prompt of a split, in their order."""
        sampling = replace(sampling, special_tokens=self.adds_special_tokens(split))
        return self.generate_all([split], sampling, on_done)[0]

    def generate_all(
        self, splits: Sequence[Split], sampling: Sampling, on_done: OnDone
    ) -> list[list[str]]:
        """Return what the engine writes after every prompt of several splits, in one call.

        Args:
            splits: of one template as far as special tokens go; `sampling` says whether the
                tokenizer adds some.
            sampling: how.
            on_done: told how many of how many prompts are done.
        """
        prompts = [
            prompt_text(self.asked(row).prompt, self.template_of(split), self.tokenizer)
            for split in splits
            for row in split.examples
        ]
        if self._loaded.get("weights") is not self.weights:
            self.engine.load(self.weights)
            self._loaded["weights"] = self.weights
        texts = iter(self.engine.generate(prompts, sampling, on_done))
        wrapper = self.weights.wrapper
        return [
            [
                wrapper.respond(row.prompt, text) if wrapper else text
                for row, text in zip(split.examples, islice(texts, len(split)), strict=True)
            ]
            for split in splits
        ]


class Observer(ABC):
    """Looks at a model and leaves arrays and texts. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever it observes something else of the same model; then rows are observed anew."""
    stage: ClassVar[str] = "observe {split}"
    """What the progress calls it."""
    together: ClassVar[bool] = False
    """Whether all splits are observed in one step, by `observe_together`."""

    @abstractmethod
    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Return what a request asks for, in the examples' order.

        Args:
            context: the model, and how it is asked.
            split: the evaluated examples.
            request: a part, as `Observation.parts` returns them.
            on_done: told how many of how many steps are done.
        """

    def observe_together(
        self,
        context: ObserverContext,
        asked: Sequence[tuple[Split, Observation]],
        on_done: OnDone,
    ) -> Sequence[Observed]:
        """Return what several requests ask for, in their order; the default: one after another.

        Override it, and set `together`, where one step for many splits takes less time.
        """
        return [self.observe(context, split, request, on_done) for split, request in asked]
