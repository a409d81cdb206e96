"""Words of texts in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Ranges of scripts that put no spaces between words: each letter counts as a word."""
_ASCII_WORD = re.compile("[a-z0-9]+")
ARTICLES = frozenset({"a", "an", "the"})


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, marks and digits, in NFKC form, without case.

    In scripts without spaces between words every letter, with the marks on it, is a word.
    """
    if text.isascii():  # NFKC changes nothing, and letters and digits are all that counts
        return _ASCII_WORD.findall(text.lower())
    found: list[str] = []
    extends = False
    """Whether the next letter belongs to the last word."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for letter in unicodedata.normalize("NFKC", plain):
        category = unicodedata.category(letter)[0]
        if category == "M" and found:
            found[-1] += letter
        elif category not in "LNM":
            extends = False
        elif any(low <= ord(letter) <= high for low, high in WITHOUT_SPACES):
            found.append(letter)
            extends = False
        elif extends:
            found[-1] += letter
        else:
            found.append(letter)
            extends = True
    return found


def content_words(text: str) -> list[str]:
    """Return the words of a text without English articles; with them if there is no other word."""
    every = words(text)
    return [word for word in every if word not in ARTICLES] or every


def contains(text: Sequence[str], part: Sequence[str]) -> bool:
    """Return whether some words occur in others one after another; no words occur nowhere."""
    size, wanted, words = len(part), list(part), list(text)
    starts = (at for at, word in enumerate(words) if word == wanted[0])
    return size > 0 and any(words[at : at + size] == wanted for at in starts)
