"""How much like language generated texts are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from unharness import Generated, Metric, Score, Seen
from unharness_metrics.answers import nll
from unharness_metrics.repetition import WORD
from unharness_metrics.text_likelihood import TextLikelihood
from unharness_metrics.words import words

WEIGHTS = {2: 2 / 3, 3: 4 / 3}
"""By length of the n-grams."""
MOST_RICHNESS = 1e6


def ngram_entropy(text: str) -> float | None:
    """Return (⅔·H₂ + 4⁄3·H₃) / 2, bits, H_n = −Σ f log₂ f over a text's n-grams of words and marks.

    Returns:
        None where the text is too short for a 3-gram.
    """
    tokens = WORD.findall(text)
    if len(tokens) < max(WEIGHTS):
        return None
    total = 0.0
    for n, weight in WEIGHTS.items():
        counts = Counter(zip(*(tokens[start:] for start in range(n)), strict=False))
        shares = [count / counts.total() for count in counts.values()]
        total -= weight * sum(share * math.log2(share) for share in shares)
    return total / len(WEIGHTS)


class NgramEntropy(Metric):
    """Weighted entropy of a text's 2-grams and 3-grams, mean over texts, bits, 0 or more.

    RWKU prints 100 times the value. Loops lower it; random words raise it, so read it beside
    `fluency_nats`. A text of fewer than three words and marks is not scored.
    """

    name = "ngram_entropy"
    summary = "Entropy of generated texts' 2-grams and 3-grams, bits."
    citation = "RWKU, Jin et al. 2024, arXiv 2406.10890, section 4.3; Meng et al. 2022, 2202.05262"
    unit = "bits"
    direction = "higher"
    formula = (
        "mean over texts of (⅔·H₂ + 4⁄3·H₃) / 2, bits; H_n = −Σ f log₂ f over the text's n-grams "
        "of words and marks"
    )
    good = "Near the target's value on texts of the same length; loops lower it."
    traps = (
        "Random words raise it: read fluency_nats beside it.",
        (
            "It grows with length: compare only with the same number of new tokens. RWKU prints "
            "100 times the value."
        ),
    )

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every text the same."""
        return seen.mean([ngram_entropy(text) for text in seen.texts()])


class _UnderAnother(Metric):
    """What a model writes, judged by another one."""

    class Params(Metric.Params):
        """The model that judges."""

        under: Literal["base", "target", "retrained"] = Field(
            "base", description="the model that judges"
        )

    params: Params

    def observes(self) -> TextLikelihood:
        """Ask for texts, and their likelihood under the other model."""
        return TextLikelihood(self.params.under)

    def nats(self, seen: Seen) -> list[float | None]:
        """Return each text's mean NLL under the other model, None for an empty one."""
        rows = seen.observed[TextLikelihood(self.params.under)].tokens
        return [None if row is None else nll(row) for [row] in rows]


class FluencyNats(_UnderAnother):
    """Mean NLL of the generated text's tokens under the base model, mean over texts, nats.

    0 or more; lower is more fluent. The text continues the same prompt. An empty text is not
    scored, and counted.
    """

    name = "fluency_nats"
    summary = "Mean negative log-probability of generated text under the base model, nats."
    unit = "nats"
    direction = "lower"
    formula = (
        "mean over texts of − mean_t log P_other(token t of the model's greedy text), nats; other:"
        " the base model by default"
    )
    good = "Near the target's own value; much higher is gibberish."
    traps = (
        (
            "Loops are likely under any model: a text of one phrase repeated has a low value. Read"
            " repetition beside it."
        ),
        "Facts that the base model does not know raise it for a model that still knows them.",
    )

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every text the same."""
        return seen.mean(self.nats(seen))


class FluencyProbability(_UnderAnother):
    """exp(−NLL) of the generated text under the base model, mean over texts, 0 … 100 %.

    As `fluency_nats`, on a scale that composites take. OpenUnlearning has a classifier of
    gibberish in its place, another number.
    """

    name = "fluency_probability"
    summary = "Geometric mean of the base model's probabilities of generated tokens."
    unit = "%"
    direction = "higher"
    formula = "100 · mean over texts of exp(−NLL of the model's greedy text under the other model)"
    good = "Near the target's own value."
    traps = (
        "Loops are likely under any model: read repetition beside it.",
        "OpenUnlearning's fluency is a classifier of gibberish: another number.",
    )

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every text the same."""
        found = self.nats(seen)
        return seen.mean([None if one is None else 100.0 * math.exp(-one) for one in found])


def linguistic_parts(tokens: int, types: int, once: int, nats: float) -> tuple[float, float, float]:
    """Return the three parts of the linguistic score, each 0 … 1.

    σ(−ln PPL) = 1 / (1 + PPL); σ(−ln BI) = 1 / (1 + BI) with Brunet's index BI = N^(V^−0.165);
    σ(ln HS) = HS / (1 + HS) with Honoré's HS = min(100 ln N / (1 − N₁/V + 0.1), 10⁶).

    Args:
        tokens: N, words of a text, at least 1.
        types: V, different words.
        once: N₁, words that occur once.
        nats: ln PPL of the text.
    """
    brunet = tokens ** (types**-0.165)
    honore = min(100.0 * math.log(tokens) / (1.0 - once / types + 0.1), MOST_RICHNESS)
    return math.exp(-nats) / (1.0 + math.exp(-nats)), 1.0 / (1.0 + brunet), honore / (1.0 + honore)


class LinguisticScore(_UnderAnother):
    """ReLearn's linguistic score of generated texts, mean over texts, 0 … 100 %.

    Harmonic mean of σ(−ln PPL), σ(−ln BI) and σ(ln HS): perplexity under the model before the
    facts were taught, Brunet's and Honoré's indices of vocabulary. A text without a word is not
    scored; one of a single word has 0.
    """

    name = "linguistic_score"
    summary = "ReLearn's LS: perplexity under the base model, and richness of words."
    citation = "ReLearn, Xu et al. 2025, arXiv 2502.11190, section 3.2"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over texts of the harmonic mean of σ(−ln PPL), σ(−ln BI) and σ(ln HS); BI = "
        "N^(V^−0.165), HS = min(100 ln N / (1 − N₁/V + 0.1), 10⁶), N words, V different ones, N₁ "
        "that occur once"
    )
    good = "Near the target's value; what matters is the distance from it, not the size."
    traps = (
        "Short answers have few words, and the two indices of richness are made for long texts.",
        "PPL is of the model before the facts were taught: another judge gives other values.",
    )

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every text the same."""
        rows = zip(seen.texts(), self.nats(seen), strict=True)
        return seen.mean([None if nats is None else _linguistic(text, nats) for text, nats in rows])


def _linguistic(text: str, nats: float) -> float | None:
    counts = Counter(words(text))
    if not counts:
        return None
    once = sum(count == 1 for count in counts.values())
    parts = linguistic_parts(counts.total(), len(counts), once, nats)
    return 100.0 * len(parts) / sum(1.0 / part for part in parts) if all(parts) else 0.0
