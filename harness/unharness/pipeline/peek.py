"""What a model is given of an example: the prompt, the tokens, and which of them are scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example, Split
from unharness.data.named_task import make_task
from unharness.data.task_data import TaskData
from unharness.data.templates import check_template, effective_template, prompt_text
from unharness.errors import UnknownNameError
from unharness.models.source import find_tokenizer
from unharness.pipeline.data_choice import load_data, source_of
from unharness.registry import Registry
from unharness.request import RunRequest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""What a part of a character is decoded to."""
OWN = "answer"


@dataclass(frozen=True)
class Token:
    """A token of what a model is given."""

    id: int
    text: str
    """What it stands for; where that is a part of a character, as the vocabulary spells it."""
    scored: bool
    special: bool


@dataclass(frozen=True)
class Answer:
    """A question and an answer to it, as they are passed."""

    question: str
    """`prompt`, or the kind of the other question."""
    answer: str
    """`answer`, the kind of the other answer, or `choice N`."""
    text: str
    windows: tuple[tuple[Token, ...], ...]
    """One row of tokens; several where a text or a completion is longer than a row."""
    truncated: bool
    gold: bool = False
    """Whether it is the right choice."""

    @property
    def scored(self) -> int:
        """How many tokens are scored."""
        return sum(token.scored for row in self.windows for token in row)


@dataclass(frozen=True)
class Peek:
    """An example as a model is given it."""

    task: str
    model: str
    split: Split
    example: Example
    place: int
    """Of the example in its split, from 0."""
    template: str
    max_length: int
    prompts: tuple[tuple[str, str], ...]
    """What text is generated after: by kind of question, `prompt` the own one first; none where
    nothing is generated."""
    learned: Answer | None
    """As training reads it, end token included; None where no training does."""
    evaluated: Answer | None
    """As evaluation scores it; None where the split is not evaluated."""
    others: tuple[Answer, ...]
    """Other answers, answers to other questions, and choices, for metrics and methods that ask for
    them."""
    source: str
    """Where the data came from, in words."""


def peek(
    request: RunRequest, registry: Registry, split: str | None = None, example: str | None = None
) -> Peek:
    """Return an example as a model is given it; its tokenizer is loaded, no weights are.

    Args:
        request: names task, model and data, and may set template and length.
        registry: knows the plugins.
        split: its name; None: the first one.
        example: its id; None: the first one.

    Raises:
        UnknownNameError: there is no such task, split, example or model.
        UsageError, DataError, ModelError, PluginError: as of a run.
    """
    model = request.model
    made = make_task(request.task, registry)
    found = load_data(made, source_of(request), registry)
    preset = registry.get("models", model) if model in registry.names("models") else None
    found = found.limited(request.limit_train or (preset and preset.limit_train))
    found = found.without_own(template=request.template is not None, max_new_tokens=False)
    chosen, place = _chosen(found, split, example)
    tokenizer, own_template = find_tokenizer(model, found, registry)
    default = check_template(request.template or made.template or own_template)
    length = request.max_length or made.max_length
    reader = _Reader(tokenizer, chosen, effective_template(chosen, default), length)
    row = chosen.examples[place]
    read = chosen.learned or chosen.trainable
    return Peek(
        task=made.full_name,
        model=model,
        split=chosen,
        example=row,
        place=place,
        template=reader.template,
        max_length=reader.max_length,
        prompts=tuple(reader.prompts(row)),
        learned=reader.answer(row, "prompt", OWN, end_token=True) if read else None,
        evaluated=reader.answer(row, "prompt", OWN) if chosen.evaluated else None,
        others=tuple(reader.others(row)),
        source=found.origin.description,
    )


@dataclass(frozen=True)
class _Reader:
    """Reads examples of a split as the stages of a run do."""

    tokenizer: PreTrainedTokenizerBase
    split: Split
    template: str
    max_length: int

    def prompts(self, row: Example) -> Iterator[tuple[str, str]]:
        """Yield what text is generated after."""
        if self.split.generation is None or self.split.kind == "text":
            return
        kinds = {"prompt": (row.prompt,), **row.prompts}
        for kind, texts in kinds.items():
            for text in texts:
                yield kind, prompt_text(text, self.template, self.tokenizer)

    def others(self, row: Example) -> Iterator[Answer]:
        """Yield every pair of question and answer that may be asked for, but for its own."""
        for kind, texts in row.alternatives.items():
            for text in texts:
                yield self.answer(replace(row, answer=text), "prompt", kind)
        for kind, texts in row.prompts.items():
            for text in texts:
                yield self.answer(replace(row, prompt=text), kind, OWN)
        for at, text in enumerate(row.choices):
            one = self.answer(replace(row, answer=text), "prompt", f"choice {at + 1}")
            yield replace(one, gold=at == row.gold)

    def answer(
        self, row: Example, question: str, answer: str, *, end_token: bool = False
    ) -> Answer:
        """Return an example's question and answer as tokens."""
        encoded = encode_examples(
            self.tokenizer,
            [row],
            self.max_length,
            end_token=end_token,
            template=self.template,
            kind=self.split.kind,
        )
        windows = tuple(tuple(self._tokens(one)) for one in encoded)
        cut = any(one.truncated for one in encoded)
        return Answer(question, answer, row.answer, windows, cut)

    def _tokens(self, encoded: Encoded) -> Iterator[Token]:
        special = set(self.tokenizer.all_special_ids)
        first = max(1, encoded.answer_start)
        for at, token in enumerate(encoded.input_ids):
            text = str(self.tokenizer.decode([token]))
            if not text or UNKNOWN in text:
                text = str(self.tokenizer.convert_ids_to_tokens(token))
            yield Token(token, text, at >= first, token in special)


def _chosen(data: TaskData, split: str | None, example: str | None) -> tuple[Split, int]:
    """Return a split and the place of an example in it.

    Raises:
        UnknownNameError: there is no such split, or no such example in it.
    """
    name = next(iter(data.splits)) if split is None else split
    if name not in data.splits:
        raise UnknownNameError("split", name, data.splits)
    found = data.splits[name]
    if example is None:
        return found, 0
    ids: Sequence[str] = [row.id for row in found.examples]
    if example not in ids:
        raise UnknownNameError(f"example of {name}", example, ids[:MOST_NAMED], _more(ids))
    return found, ids.index(example)


MOST_NAMED = 200
"""Ids that a near one is looked for among."""


def _more(ids: Sequence[str]) -> str:
    return f"There are {len(ids)}, from {ids[0]} to {ids[-1]}."
