"""What an observer is, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from unharness.data.batches import collate
from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example, Kind, Split
from unharness.data.templates import CHAT, PLAIN, effective_template, prompt_text
from unharness.engines.engine import Engine, Sampling
from unharness.evaluation.observed import Observed, TokenScores
from unharness.evaluation.requests import Observation
from unharness.progress import Progress
from unharness.reference_rows import ReferenceRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.data.batches import TokenBatch
    from unharness.model_types import LanguageModel
    from unharness.models.weights import WeightsRef

OnDone = Callable[[int, int], None]
_Asked = tuple[str, Kind, int, str, str]
"""Template, whether it is text, most tokens, prompt and answer: what decides token scores."""


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
    _greedy: dict[str, list[str]] = field(default_factory=dict, repr=False)
    """The model's greedy texts by split, once they are there."""
    _scored: dict[_Asked, TokenScores | None] = field(default_factory=dict, repr=False)
    """Of splits of choices, where an answer is one of the choices as well."""

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
        return None if weights is None else replace(self, weights=weights, _greedy={}, _scored={})

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

    def score(
        self, split: Split, examples: Sequence[Example], on_done: OnDone
    ) -> list[TokenScores | None]:
        """Return the token scores of examples' own answers, under teacher forcing.

        Args:
            split: the examples are asked as its own are.
            examples: of it, perhaps with other prompts or answers.
            on_done: told how many of how many are done.

        Returns:
            One entry an example; None where no token of the answer is within `max_length`.
        """
        [found] = self.score_all([(split, examples)], on_done)
        return found

    def score_all(
        self, asked: Sequence[tuple[Split, Sequence[Example]]], on_done: OnDone
    ) -> list[list[TokenScores | None]]:
        """Return the same of several splits: what is asked twice is passed once."""
        # Imported here: the class is read to identify a run, which needs no torch.
        from unharness.evaluation.token_scoring import score_tokens

        keys: list[list[_Asked]] = []
        for split, examples in asked:
            # Questions of all kinds are passed alike.
            kind: Kind = split.kind if split.kind in ("text", "completion") else "qa"
            how = (self.template_of(split), kind, self.length(examples))
            keys.append([(*how, one.prompt, one.answer) for one in map(self.asked, examples)])
        wanted = dict.fromkeys(key for row in keys for key in row if key not in self._scored)
        passes: dict[tuple[str, Kind, int], list[_Asked]] = {}
        for key in wanted:
            passes.setdefault(key[:3], []).append(key)
        found: dict[_Asked, TokenScores | None] = {}
        before = 0
        for (template, kind, length), group in passes.items():

            def on_pass(done: int, _: int, before: int = before) -> None:
                on_done(before + done, len(wanted))

            scores = score_tokens(
                self.model,
                self.tokenizer,
                [Example(str(at), key[3], key[4]) for at, key in enumerate(group)],
                max_length=length,
                template=template,
                kind=kind,
                on_done=on_pass,
            )
            found |= zip(group, scores, strict=True)
            before += len(group)
        for (split, _), row in zip(asked, keys, strict=True):
            if split.kind == "choice":
                self._scored.update((key, found[key]) for key in row if key in found)
        return [[found[key] if key in found else self._scored[key] for key in row] for row in keys]

    def encoded(self, split: Split, examples: Sequence[Example]) -> list[list[Encoded]]:
        """Return examples as tokens, as the model is asked: those of the answer are scored.

        Returns:
            By example the windows of which a token is scored: one, several of a long text, none.
        """
        windows: list[list[Encoded]] = [[] for _ in examples]
        for one in encode_examples(
            self.tokenizer,
            [self.asked(row) for row in examples],
            self.length(examples),
            end_token=False,
            template=self.template_of(split),
            kind=split.kind,
        ):
            if one.scored:
                windows[one.example].append(one)
        return windows

    def batch(self, windows: Sequence[Encoded]) -> TokenBatch:
        """Return windows as tensors on the model's device, padded to the longest."""
        return collate(windows, self.tokenizer.pad_token_id).to(self.model.device)

    def keep_greedy(self, split: Split, texts: Sequence[str]) -> None:
        """Keep what the model answers to a split, so that it is not generated again."""
        self._greedy[split.name] = list(texts)

    def greedy_texts(self, split: Split) -> list[str]:
        """Return the greedy texts of a split, which a request for them was asked for before.

        A request of this kind names `Generated()` among its parts, and sets `of_text`.

        Raises:
            KeyError: they were not asked for.
        """
        return self._greedy[split.name]

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
