"""Text to tokens: prompt, two newlines and answer, of which only the answer is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unharness.data.examples import Example
from unharness.errors import ModelError

SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tokens."""

    input_ids: tuple[int, ...]
    answer_start: int
    """Tokens from here on are scored: the length of the encoding of the prompt alone."""
    truncated: bool
    """Whether tokens beyond the maximum length were left out."""

    @property
    def scored(self) -> int:
        """How many tokens are scored. The first token of all has nothing that predicts it."""
        return max(0, len(self.input_ids) - max(1, self.answer_start))


def encode_examples(
    tokenizer: Any, examples: Sequence[Example], max_length: int, *, end_token: bool
) -> list[Encoded]:
    """Encode examples whole, and find where their answers begin.

    The answer begins after the encoding of the prompt alone, so the two newlines are scored with
    it (KnowUnDo, section 3). Without a prompt the answer stands alone and is scored whole.
    Fine-tuning scores an end token as well, evaluation does not.

    Args:
        tokenizer: any Hugging Face tokenizer.
        max_length: in tokens; what lies beyond is left out and marked `truncated`.
        end_token: whether to append the tokenizer's end token.

    Raises:
        ModelError: an end token is asked for and the tokenizer has none.
    """
    if not examples:
        return []
    end = tokenizer.eos_token_id
    if end_token and end is None:
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no end token; set eos_token in its "
            "tokenizer_config.json"
        )
    prompts = tokenizer([row.prompt for row in examples], verbose=False)["input_ids"]
    wholes = tokenizer([_whole(row) for row in examples], verbose=False)["input_ids"]
    encoded = []
    for prompt, whole in zip(prompts, wholes, strict=True):
        start = len(_without_end(prompt, end))
        ids = _without_end(whole, end)
        if end_token:
            ids = [*ids, end]
        encoded.append(Encoded(tuple(ids[:max_length]), start, len(ids) > max_length))
    return encoded


def _whole(row: Example) -> str:
    return row.prompt + SEPARATOR + row.answer if row.prompt else row.answer


def _without_end(ids: list[int], end: int | None) -> list[int]:
    """Drop the end token that some tokenizers append of themselves."""
    return ids[:-1] if ids and end is not None and ids[-1] == end else ids
