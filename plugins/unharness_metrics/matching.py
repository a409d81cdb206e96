"""Whether a generated text is the answer, or holds it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import Field

from unharness import Example, Generated, Metric, Score, Seen
from unharness_metrics.words import contains, content_words


class _Match(Metric):
    unit = "%"
    direction = "higher"

    class Params(Metric.Params):
        """Which answers are right."""

        also: tuple[str, ...] = Field(
            (), description="kinds of alternative answers that are right, too"
        )

    params: Params

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare words, without case, marks and articles; no word in any answer: not scored."""
        found: list[float | None] = []
        for row, text in zip(seen.examples, seen.texts(), strict=True):
            right = right_answers(row, self.params.also)
            said = content_words(text)
            found.append(100.0 * any(self.match(said, one) for one in right) if right else None)
        return seen.mean(found)

    @abstractmethod
    def match(self, said: Sequence[str], right: Sequence[str]) -> bool:
        """Return whether a text's words match those of a right answer."""


def right_answers(row: Example, also: Sequence[str] = ()) -> list[list[str]]:
    """Return the words of an example's right answers; those without a word are left out."""
    texts = [row.answer, *(text for kind in also for text in row.alternatives.get(kind, ()))]
    return [found for text in texts if (found := content_words(text))]


class ExactMatch(_Match):
    """Share of generated texts that are the answer, word for word, 0 … 100 %.

    Both in NFKC form, without case, punctuation and English articles.
    """

    name = "exact_match"
    summary = "Share of generated texts that are the answer, apart from case and marks."
    citation = "SQuAD, Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1"
    formula = (
        "100 · share of texts whose words are the answer's words; NFKC, without case, marks and "
        "English articles"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        "A right answer within a sentence counts as wrong: keyword_match finds it.",
        "For answers of a few words: of long ones it is 0 for models that know them.",
    )

    def match(self, said: Sequence[str], right: Sequence[str]) -> bool:
        """Return whether all words are the same."""
        return list(said) == list(right)


class KeywordMatch(_Match):
    """Share of generated texts in which the answer occurs, word after word, 0 … 100 %.

    For answers of a few words. Both in NFKC form, without case, punctuation and English articles.
    """

    name = "keyword_match"
    summary = "Share of generated texts in which the answer occurs, word after word."
    formula = (
        "100 · share of texts in which the answer's words occur one after another; NFKC, without "
        "case, marks and English articles"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        'A text that denies the answer ("not in Paris") counts as a hit.',
        "Short common answers occur by chance in long texts.",
    )

    def match(self, said: Sequence[str], right: Sequence[str]) -> bool:
        """Return whether the answer's words occur in the text's."""
        return contains(said, right)
