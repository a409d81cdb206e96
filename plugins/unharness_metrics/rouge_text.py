"""ROUGE-L of generated text, as benchmarks score it: recall, precision or F1, in any script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from unharness import Generated, Metric, Score, Seen, rouge_l_parts
from unharness_metrics.words import words

Measure = Literal["recall", "precision", "f1"]
Script = Literal["ascii", "unicode"]
MEASURES: tuple[Measure, ...] = ("recall", "precision", "f1")
"""As `rouge_l_parts` gives them."""
MOST_WORDS, MOST_TEXTS = 1 << 16, 1 << 12
"""Whose stems, and whose words, are kept."""


class _AnyScript:
    """Tokenizer for rouge_score: words of any script, those of ASCII letters as by its own one."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def tokenize(self, text: str) -> list[str]:
        """Return the words, stemmed where they are of ASCII letters and its own one stems."""
        found: list[str] = []
        for word in words(text):
            found += self._own.tokenize(word) if word.isascii() else [word]
        return found


class _Stemmed:
    """The package's own tokenizer with stemmer; a word is stemmed once, however often it comes."""

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._plain = DefaultTokenizer(use_stemmer=False)
        self._stem = lru_cache(maxsize=MOST_WORDS)(DefaultTokenizer(use_stemmer=True).tokenize)

    def tokenize(self, text: str) -> list[str]:
        """Return the stems of words over three letters, and the other words."""
        return [part for word in self._plain.tokenize(text) for part in self._stem(word)]


@lru_cache(maxsize=4)
def _words_of(stemmer: bool, script: Script) -> Callable[[str], tuple[str, ...]]:
    """Return what splits a text into words; it keeps those of the last texts."""
    from rouge_score.tokenizers import DefaultTokenizer

    own = _Stemmed() if stemmer else DefaultTokenizer(use_stemmer=False)
    tokenizer = own if script == "ascii" else _AnyScript(own)

    def split(text: str) -> tuple[str, ...]:
        return tuple(tokenizer.tokenize(text))

    return lru_cache(maxsize=MOST_TEXTS)(split)


def rouge_l(
    expected: str, text: str, measure: Measure, *, stemmer: bool, script: Script
) -> float | None:
    """Return ROUGE-L of a text against the expected one, 0 … 1 (Lin 2004).

    With L the length of the longest common subsequence of words: recall L / words expected,
    precision L / words of the text, F1 their harmonic mean.

    Returns:
        None where the expected text has no word.
    """
    split = _words_of(stemmer, script)
    wanted = split(expected)
    return rouge_l_parts(wanted, split(text))[MEASURES.index(measure)] if wanted else None


class RougeText(Metric):
    """Mean ROUGE-L of the generated text against the answer, 0 … 100 %.

    The defaults are TOFU's: recall, with the Porter stemmer. Recall rewards length; F1 beside it
    does not. `script="ascii"` is the package rouge_score: lower case, words of ASCII letters and
    digits. An answer without such a word, as in other scripts, is not scored; `script="unicode"`
    takes words of all scripts.
    """

    name = "rouge_l_text"
    summary = "ROUGE-L recall, precision or F1 of generated text, with or without stemmer."
    citation = "Lin 2004, ROUGE; TOFU, Maini et al. 2024, arXiv 2401.06121, section 2.2.2"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of ROUGE-L recall (L / words of the answer), precision (L / "
        "words of the text) or F1; L: longest common subsequence of words, stemmed where "
        "stemmer=true"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        (
            "Recall rewards length: a model that writes much of everything gets it for free. Look "
            "at F1 beside it."
        ),
        'script="ascii" sees no word of other scripts: such answers are not scored.',
        "Published numbers differ by stemmer and by the number of generated tokens.",
    )

    class Params(Metric.Params):
        """How texts are compared."""

        measure: Measure = "recall"
        stemmer: bool = Field(True, description="Porter's, for English words over three letters")
        script: Script = Field("ascii", description="which words are seen: ASCII or all scripts")
        cut: tuple[str, ...] = Field(
            (), description="the generated text ends before the first of these"
        )

    params: Params

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare each text with the example's answer."""
        pairs = zip(seen.examples, seen.texts(), strict=True)
        return seen.mean([_percent(self.measure(row.answer, text)) for row, text in pairs])

    def measure(self, expected: str, text: str) -> float | None:
        """Return one text's value, 0 … 1."""
        for mark in self.params.cut:
            text = text.partition(mark)[0]
        options = self.params
        return rouge_l(
            expected, text, options.measure, stemmer=options.stemmer, script=options.script
        )


class KnowMem(RougeText):
    """MUSE's knowledge memorisation: mean ROUGE-L F1 of short answers, no stemmer, 0 … 100 %.

    The generated text ends before a blank line or a further question, as the few-shot prompt has
    them. `stemmer=True` is OpenUnlearning's.
    """

    name = "knowmem"
    summary = "MUSE's KnowMem: ROUGE-L F1 of answers to questions on a text."
    citation = "MUSE, Shi et al. 2024, arXiv 2407.06460, section 3.1"
    formula = (
        "100 · mean over examples of ROUGE-L F1 between the answer and the greedy text, cut at a "
        "blank line or a further question"
    )
    good = (
        "On the forget set near the retrained model's value, on the retain set near the target's."
    )
    traps = (
        (
            "MUSE uses no stemmer, OpenUnlearning's KnowMem has one: numbers of the two cannot be "
            "compared."
        ),
        "Answers of a few words: one word more or less changes much.",
        "What a model writes after a blank line or a further question is not seen.",
    )

    class Params(RougeText.Params):
        """How texts are compared."""

        measure: Measure = "f1"
        stemmer: bool = Field(False, description="Porter's; OpenUnlearning's KnowMem has it")
        cut: tuple[str, ...] = ("\n\n", "Question:")


class VerbMem(RougeText):
    """MUSE's verbatim memorisation: mean ROUGE-L F1 of the continuation of a text, 0 … 100 %.

    The split's answers are the true continuations. MUSE's code compares with their first 128
    tokens, OpenUnlearning's with all of them: the task decides by what it gives as the answer.
    """

    name = "verbmem"
    summary = "MUSE's VerbMem: ROUGE-L F1 of the continuation of a text."
    citation = "MUSE, Shi et al. 2024, arXiv 2407.06460, section 3.1"
    formula = "100 · mean over texts of ROUGE-L F1 between the true continuation and the greedy one"
    good = (
        "On the forget set near the retrained model's value, which is not 0: any continuation "
        "shares words with the true one."
    )
    traps = (
        (
            "MUSE compares with the first 128 tokens of the continuation, OpenUnlearning with all "
            "of it: the task decides."
        ),
        "It sees copies word for word, not knowledge: a retold text has a low value.",
        "Words of the same order with gaps between them count: it is no test of an exact copy.",
    )

    class Params(RougeText.Params):
        """How texts are compared."""

        measure: Measure = "f1"
        stemmer: bool = Field(False, description="Porter's; OpenUnlearning's VerbMem has it")


class RougeOfSets(Metric):
    """Mean ROUGE-L over sets of words, as the PyPI package `rouge` computes it, 0 … 100 %.

    RWKU's score. Words are what stands between spaces, in their case and with their marks;
    sentences end at full stops. The union over pairs of sentences of the words on their longest
    common subsequences, over the number of different words of the answer (recall) or of the text
    (precision). An empty text has 0; an answer without a word is not scored.
    """

    name = "rouge_l_sets"
    summary = "ROUGE-L over sets of words, by RWKU's package: case and marks count."
    citation = "RWKU, Jin et al. 2024, arXiv 2406.10890, section 4.2"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of |union over pairs of sentences of the words on their longest "
        "common subsequences| / different words of the answer (recall) or of the text (precision)"
    )
    good = (
        "On forget sets near that of a model that never saw the persons, on neighbours near the "
        "target's."
    )
    traps = (
        'Case and marks count: "Ferrow," is not "Ferrow". Repeated words count once.',
        (
            "It is the package `rouge` that RWKU uses, not the package rouge_score: numbers of the"
            " two cannot be compared."
        ),
    )

    class Params(Metric.Params):
        """What is averaged."""

        measure: Literal["recall", "precision"] = "recall"

    params: Params

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare each text with the example's answer."""
        pairs = zip(seen.examples, seen.texts(), strict=True)
        return seen.mean([_percent(self._value(row.answer, text)) for row, text in pairs])

    def _value(self, expected: str, text: str) -> float | None:
        wanted, said = _sentences(expected), _sentences(text)
        counted = wanted if self.params.measure == "recall" else said
        different = {word for one in counted for word in one}
        if not any(wanted):
            return None
        if not different:
            return 0.0
        common: set[str] = set()
        for one in wanted:
            for other in said:
                common |= _common_words(one, other)
        return len(common) / len(different)


def _sentences(text: str) -> list[list[str]]:
    return [found for part in text.split(".") if (found := part.split())]


def _common_words(one: Sequence[str], other: Sequence[str]) -> set[str]:
    """Return the words of a longest common subsequence; of several, that which ends first."""
    lengths = [[0] * (len(other) + 1)]
    for word in one:
        above = lengths[-1]
        row = [0]
        for at, right in enumerate(other):
            row.append(above[at] + 1 if word == right else max(above[at + 1], row[at]))
        lengths.append(row)
    found, up, left = set(), len(one), len(other)
    while up and left:
        if one[up - 1] == other[left - 1]:
            found.add(one[up - 1])
            up, left = up - 1, left - 1
        elif lengths[up - 1][left] > lengths[up][left - 1]:
            up -= 1
        else:
            left -= 1
    return found


def _percent(value: float | None) -> float | None:
    return None if value is None else 100.0 * value
