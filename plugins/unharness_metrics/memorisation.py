"""How much of an answer the model has by heart, under teacher forcing."""

from __future__ import annotations

from unharness import TokenScores
from unharness_metrics.answers import AnswerMetric


class ExactMemorisation(AnswerMetric):
    """Share of answer tokens whose most likely token is the true one, mean over examples.

    100 · mean of h_t, in 0 … 100 %. With the default tokens it is `token_accuracy`; with
    `tokens="answer"` it leaves out the blank line that the plain template puts before an answer,
    which every model predicts.
    """

    name = "exact_memorisation"
    summary = "Share of answer tokens that are predicted, with or without the separator's."
    citation = "Tirumala et al. 2022, arXiv 2205.10770; OpenUnlearning, arXiv 2506.12618"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of mean_t h_t; h_t = 1 where token t of the answer is the "
        "likeliest one"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        (
            'With the default tokens="scored" the separator before the answer counts, and it is '
            "always predicted."
        ),
        (
            "Released code of other harnesses leaves out the last token or adds the end token: "
            "compare with published numbers only by reading theirs."
        ),
    )

    def measure(self, row: TokenScores) -> float:
        """Return the share of hits, %."""
        return 100.0 * sum(row.hits) / len(row.hits)


class ExtractionStrength(AnswerMetric):
    """Share of an answer that its own beginning brings out, mean over examples.

    100 · (length of the longest suffix that is predicted without a miss) / n, in 0 … 100 %. An
    answer whose last token is missed has 0; OpenUnlearning's released code gives it 1/n.
    """

    name = "extraction_strength"
    summary = "Share of an answer, from its end, that is predicted without a miss."
    citation = "Carlini et al. 2021, arXiv 2012.07805; Wang et al. 2025, arXiv 2411.02631"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of (length of the longest suffix of the answer with h_t = 1 "
        "throughout) / n"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's. OpenUnlearning's meta-evaluation (arXiv 2506.12618) gives it the highest "
        "score, 0.85."
    )
    traps = (
        (
            "One miss at the last token gives 0 for the whole answer; OpenUnlearning's released "
            "code gives 1/n."
        ),
        "It saturates on a forget set: methods that differ much may all have values near 0.",
    )

    def measure(self, row: TokenScores) -> float:
        """Return the share of the longest suffix of hits, %."""
        missed = (at for at, hit in enumerate(reversed(row.hits)) if not hit)
        return 100.0 * next(missed, len(row.hits)) / len(row.hits)
