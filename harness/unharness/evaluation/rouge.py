"""ROUGE-L: the longest common subsequence of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=False)


def rouge_l_f1(expected: str, text: str) -> float:
    """Return the ROUGE-L F1 of a text against the expected one, in % (Lin 2004)."""
    tokenize = _tokenizer().tokenize
    return 100.0 * rouge_l_parts(tokenize(expected), tokenize(text))[2]


def rouge_l_parts(expected: Sequence[str], text: Sequence[str]) -> tuple[float, float, float]:
    """Return recall, precision and F1 of two texts' words, 0 … 1, as the package rouge_score does.

    With L the length of their longest common subsequence: L / words expected, L / words of the
    text, and the harmonic mean of both; 0 where a text has no word.
    """
    if not expected or not text:
        return 0.0, 0.0, 0.0
    common = common_length(expected, text)
    recall, precision = common / len(expected), common / len(text)
    if not common:
        return recall, precision, 0.0
    return recall, precision, 2 * precision * recall / (precision + recall)


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    A column of the usual table is one whole number, with a 0 bit where the table grows (Hyyrö
    2004): `other` takes one addition a word, not one comparison for each word of `one`.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(one)) - 1
    column = every
    for word in other:
        if found := column & places.get(word, 0):
            column = (column + found | column - found) & every
    return len(one) - column.bit_count()
