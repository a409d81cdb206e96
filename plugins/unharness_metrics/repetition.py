"""Loops in generated text: a model that writes one phrase over and over answers nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import Field

from unharness import Generated, Metric, Score, Seen

WORD = re.compile(r"\w+|[^\w\s]")
"""Words, and every mark by itself: a row of full stops is a loop as well."""


def ngrams(text: str, n: int) -> Counter[tuple[str, ...]]:
    """Return how often each n-gram of words and marks occurs in a text, in any case."""
    words = WORD.findall(text.casefold())
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


class _OfText(Metric):
    unit = "%"
    direction = "lower"

    class Params(Metric.Params):
        """Length of the n-grams."""

        n: int = Field(4, ge=1, description="words and marks in an n-gram")

    params: Params

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()


class Repetition(_OfText):
    """Share of a text's n-grams that stood in it before, mean over examples, 0 … 100 %.

    100 · (1 − different n-grams / n-grams). A text with no n-gram is not scored.
    """

    name = "repetition"
    summary = "Share of a generated text's n-grams that it repeats."
    citation = "Welleck et al. 2020, arXiv 1908.04319, section 6.1 (seq-rep-n)"
    formula = "100 · mean over texts of 1 − different n-grams / n-grams (n = 4; words and marks)"
    good = (
        "Near that of the target's or the retrained model's texts; some repetition is natural in "
        "long texts."
    )
    traps = (
        "A text shorter than n words has no value and is counted as not scored.",
        (
            "Low repetition is not language: random words repeat nothing. Read fluency_nats beside"
            " it."
        ),
    )

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count the repeated n-grams of every text."""
        return seen.mean([self._share(text) for text in seen.texts()])

    def _share(self, text: str) -> float | None:
        counts = ngrams(text, self.params.n)
        total = counts.total()
        return 100.0 * (total - len(counts)) / total if total else None


class Looping(_OfText):
    """Share of texts in which some n-gram stands more often than a limit, 0 … 100 %.

    An example is 100 if its text loops, else 0; an empty text does not loop.
    """

    name = "looping"
    summary = "Share of generated texts that repeat an n-gram more than three times."
    formula = (
        "100 · share of texts in which an n-gram stands more than `most` times (n = 4, most = 3)"
    )
    good = "0%; the target's value where its texts are long."
    traps = (
        "Texts that end after a few words cannot loop: an empty text counts as one that does not.",
    )

    class Params(_OfText.Params):
        """Length of the n-grams, and how often is too often."""

        most: int = Field(3, ge=1, description="times that an n-gram may stand in a text")

    params: Params

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Look at the most frequent n-gram of every text."""
        return seen.mean([100.0 * self._loops(text) for text in seen.texts()])

    def _loops(self, text: str) -> bool:
        return max(ngrams(text, self.params.n).values(), default=0) > self.params.most
