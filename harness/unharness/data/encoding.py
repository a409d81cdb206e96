"""Text to tokens, and which of them are scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unharness.data.examples import Example, Kind
from unharness.data.templates import CHAT, PLAIN, prompt_text, separator
from unharness.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example, or one window of a text, as tokens."""

    input_ids: tuple[int, ...]
    answer_start: int
    """Tokens from here on are scored: the length of the encoding of the prompt alone."""
    truncated: bool
    """Whether tokens beyond the maximum length were left out."""
    example: int = 0
    """Index of the example among those that were encoded together."""

    @property
    def scored(self) -> int:
        """How many tokens are scored. The first token of all has nothing that predicts it."""
        return max(0, len(self.input_ids) - max(1, self.answer_start))


def encode_examples(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    max_length: int,
    *,
    end_token: bool,
    template: str = PLAIN,
    kind: Kind = "qa",
) -> list[Encoded]:
    """Encode examples whole, and find where their answers begin.

    In the plain template the answer begins after the encoding of the prompt alone, so the two
    newlines are scored with it; in the raw one nothing stands between. Without a prompt the
    answer stands alone and is scored whole. Of an empty answer nothing is scored. Fine-tuning
    scores an end token as well, evaluation does not.

    A split of raw text (`kind="text"`) gives as many rows as its texts have windows of
    `max_length` tokens. A window begins with the last token of the one before, so every token
    but a text's first is scored once and none is left out. A completion that is longer gives
    windows as well: the end of its prompt comes first, and every token of its answer is scored
    once, after half a window or more of what stands before it.

    Args:
        tokenizer: any Hugging Face tokenizer.
        examples: of one split.
        max_length: in tokens, at least 2; of questions and answers, what lies beyond is left out
            and marked `truncated`.
        end_token: whether to append the tokenizer's end token.
        template: `plain`, `chat` or `raw`.
        kind: of the split.

    Raises:
        ModelError: an end token is asked for and the tokenizer has none; or a chat template is.
    """
    if not examples:
        return []
    end = tokenizer.eos_token_id
    if end_token and end is None:
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no end token; set eos_token in its "
            "tokenizer_config.json"
        )
    starts, wholes = _tokens(tokenizer, examples, template)
    rows: list[Encoded] = []
    for index, (prompt, whole) in enumerate(zip(starts, wholes, strict=True)):
        start = len(_without_end(prompt, end))
        ids = _without_end(whole, end) + ([end] if end_token else [])
        if not examples[index].answer.strip():  # nothing is scored, the separator neither
            rows.append(Encoded(tuple(ids[:max_length]), len(ids), len(ids) > max_length, index))
        elif kind == "text":
            rows += _windows(ids, start, max_length, index)
        elif kind == "completion" and len(ids) > max_length:
            rows += _continued(ids, start, max_length, index)
        else:
            rows.append(Encoded(tuple(ids[:max_length]), start, len(ids) > max_length, index))
    return rows


def _tokens(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], template: str
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the tokens of every prompt, and those of prompt and answer together."""
    different = list(dict.fromkeys(row.prompt for row in examples))  # many answers to one
    if template == CHAT:
        # The template writes its special tokens itself. Apart, so that no token spans the border:
        # generation begins there.
        written = [prompt_text(prompt, CHAT, tokenizer) for prompt in different]
        answers = [row.answer for row in examples]
        found, ends = (
            tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
            for texts in (written, answers)
        )
        tokens = dict(zip(different, found, strict=True))
        starts = [tokens[row.prompt] for row in examples]
        return starts, [one + two for one, two in zip(starts, ends, strict=True)]
    between = separator(template)
    wholes = [row.prompt + between + row.answer if row.prompt else row.answer for row in examples]
    tokens = dict(zip(different, tokenizer(different, verbose=False)["input_ids"], strict=True))
    starts = [tokens[row.prompt] for row in examples]
    found = tokenizer(wholes, verbose=False)["input_ids"]
    return starts, _as_generated(tokenizer, examples, found, between) if between else found


def _as_generated(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    wholes: list[list[int]],
    between: str,
) -> list[list[int]]:
    """Return the tokens of every example so that they begin with those that generation begins with.

    GPT-2's tokenizer and its kin (SmolLM2) join blank lines at the end of a text to one token, and
    split them before an answer. A model that learned the one form is lost when asked in the other,
    so there prompt and answer are encoded apart.
    """
    end = tokenizer.eos_token_id
    asked = list(dict.fromkeys(row.prompt + between for row in examples if row.prompt))
    if not asked:
        return wholes
    encoded = tokenizer(asked, verbose=False)["input_ids"]
    begins = {text: _without_end(ids, end) for text, ids in zip(asked, encoded, strict=True)}
    result = list(wholes)
    for index, row in enumerate(examples):
        begin = begins.get(row.prompt + between, [])
        if wholes[index][: len(begin)] != begin:
            answer = tokenizer(row.answer, add_special_tokens=False, verbose=False)["input_ids"]
            result[index] = begin + answer
    return result


def _windows(ids: list[int], start: int, length: int, index: int) -> Iterator[Encoded]:
    """Yield windows that overlap by one token, so that each token is predicted once."""
    yield Encoded(tuple(ids[:length]), start, False, index)
    for at in range(length - 1, len(ids) - 1, length - 1):
        yield Encoded(tuple(ids[at : at + length]), 1, False, index)


def _continued(ids: list[int], start: int, length: int, index: int) -> Iterator[Encoded]:
    """Yield windows of a completion, each with half of it or more before what it scores."""
    at = start
    while True:
        begin = max(0, min(at - length // 2, len(ids) - length))
        yield Encoded(tuple(ids[begin : begin + length]), at - begin, False, index)
        at = begin + length
        if at >= len(ids):
            return


def _without_end(ids: list[int], end: int | None) -> list[int]:
    """Drop the end token that some tokenizers append of themselves."""
    return ids[:-1] if ids and end is not None and ids[-1] == end else ids
