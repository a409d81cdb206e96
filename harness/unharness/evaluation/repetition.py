"""Loops: how much of a text repeats what stood in it before."""

from __future__ import annotations

import re

N = 4
"""Words in an n-gram."""
SHORTEST = 12
"""In words: a shorter text is too short to be called a loop."""
LOOP = 0.5
"""Above this share of repeated n-grams a text is a loop."""
LONGEST_WORD = 20
"""In characters: what is longer is no word, or of a script without spaces."""
_WORD = re.compile(r"\w+|[^\w\s]")


def repeated_share(text: str) -> float | None:
    """Return the share (0 to 1) of a text's 4-grams that stood in it before; None if it is short.

    This is seq-rep-4 of Welleck et al. 2020 (arXiv 1908.04319), on words and marks in any case.
    Words of more than 20 characters count by the character: "onononon…" is a loop too.
    """
    words = [part for word in _WORD.findall(text.casefold()) for part in _parts(word)]
    if len(words) < SHORTEST:
        return None
    ngrams = list(zip(*(words[start:] for start in range(N)), strict=False))
    return 1.0 - len(set(ngrams)) / len(ngrams)


def is_loop(text: str) -> bool:
    """Return whether most of a text's 4-grams repeat; a short text never is a loop."""
    share = repeated_share(text)
    return share is not None and share > LOOP


def _parts(word: str) -> list[str]:
    return [word] if len(word) <= LONGEST_WORD else list(word)
