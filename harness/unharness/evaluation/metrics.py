"""The built-in metrics: token accuracy, perplexity and ROUGE-L on the two evaluation halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from unharness.evaluation.metric import Metric, Score
from unharness.evaluation.observations import GENERATED, TOKEN_SCORES, Observations, TokenScores
from unharness.evaluation.statistics import bootstrap, mean_of_means

FORGET_EVAL, RETAIN_EVAL = "forget_eval", "retain_eval"
PAPER = "KnowUnDo, arXiv 2407.01920, section 3"


def token_accuracy(scores: TokenScores) -> float:
    """Return the share of the answer's positions whose most likely token is the true one, in %."""
    return 100.0 * sum(scores.hits) / len(scores.hits)


def mean_log_prob(scores: TokenScores) -> float:
    """Return the mean log-probability of the answer's tokens, in nats."""
    return sum(scores.log_probs) / len(scores.log_probs)


@lru_cache(maxsize=1)
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def rouge_l(expected: str, text: str) -> float:
    """Return the ROUGE-L F1 of a text against the expected one, in %."""
    return 100.0 * float(_scorer().score(expected, text)["rougeL"].fmeasure)


class _TokenMetric(Metric):
    """A metric of single examples' token scores, averaged over a split."""

    split: ClassVar[str]

    def _column(
        self, observations: Observations, split: str, measure: Callable[[TokenScores], float]
    ) -> list[float | None]:
        rows = observations.token_scores(split)
        return [None if row is None else measure(row) for row in rows]


class _Success(_TokenMetric):
    unit = "%"
    citation = PAPER
    direction = "higher"
    forgetting: ClassVar[bool]

    def compute(self, observations: Observations) -> Score:
        column = self._column(observations, self.split, self._measure)
        return _mean_score({self.split: column}, observations)

    def _measure(self, scores: TokenScores) -> float:
        accuracy = token_accuracy(scores)
        return 100.0 - accuracy if self.forgetting else accuracy


class UnlearnSuccess(_Success):
    """100 − the mean token accuracy over the forget evaluation set."""

    name = "unlearn_success"
    summary = "How much of the forget evaluation set's answers is no longer predicted."
    split = FORGET_EVAL
    forgetting = True
    needs = ((TOKEN_SCORES, FORGET_EVAL),)


class RetentionSuccess(_Success):
    """The mean token accuracy over the retain evaluation set."""

    name = "retention_success"
    summary = "How much of the retain evaluation set's answers is still predicted."
    split = RETAIN_EVAL
    forgetting = False
    needs = ((TOKEN_SCORES, RETAIN_EVAL),)


class SuccessAverage(_TokenMetric):
    """The mean of unlearn success and retention success."""

    name = "success_avg"
    summary = "The mean of unlearn success and retention success."
    citation = PAPER
    unit = "%"
    direction = "higher"
    needs = ((TOKEN_SCORES, FORGET_EVAL), (TOKEN_SCORES, RETAIN_EVAL))

    def compute(self, observations: Observations) -> Score:
        """Resample the two sets each by itself: they are independent."""
        forget = self._column(observations, FORGET_EVAL, lambda row: 100.0 - token_accuracy(row))
        retain = self._column(observations, RETAIN_EVAL, token_accuracy)
        return _mean_score({FORGET_EVAL: forget, RETAIN_EVAL: retain}, observations)


class _Perplexity(_TokenMetric):
    unit = "perplexity"
    citation = PAPER

    def compute(self, observations: Observations) -> Score:
        column = self._column(observations, self.split, mean_log_prob)
        return _mean_score({self.split: column}, observations, _perplexity)


class UnlearnPerplexity(_Perplexity):
    """exp(− mean over the forget evaluation set of the answers' mean log-probability)."""

    name = "unlearn_ppl"
    summary = "Perplexity of the forget evaluation set's answers."
    direction = "higher"
    split = FORGET_EVAL
    needs = ((TOKEN_SCORES, FORGET_EVAL),)


class RetentionPerplexity(_Perplexity):
    """exp(− mean over the retain evaluation set of the answers' mean log-probability)."""

    name = "retention_ppl"
    summary = "Perplexity of the retain evaluation set's answers."
    direction = "lower"
    split = RETAIN_EVAL
    needs = ((TOKEN_SCORES, RETAIN_EVAL),)


class _ForcedRouge(_TokenMetric):
    unit = "%"
    citation = PAPER

    def compute(self, observations: Observations) -> Score:
        column = self._column(
            observations, self.split, lambda row: rouge_l(row.answer_text, row.argmax_text)
        )
        return _mean_score({self.split: column}, observations)


class UnlearnRougeLForced(_ForcedRouge):
    """ROUGE-L F1 of the most likely tokens under teacher forcing; the paper's ROUGE-L."""

    name = "unlearn_rouge_l_forced"
    summary = "Teacher-forced ROUGE-L on the forget evaluation set (the paper's ROUGE-L)."
    direction = "lower"
    split = FORGET_EVAL
    needs = ((TOKEN_SCORES, FORGET_EVAL),)


class RetentionRougeLForced(_ForcedRouge):
    """ROUGE-L F1 of the most likely tokens under teacher forcing; the paper's ROUGE-L."""

    name = "retention_rouge_l_forced"
    summary = "Teacher-forced ROUGE-L on the retain evaluation set (the paper's ROUGE-L)."
    direction = "higher"
    split = RETAIN_EVAL
    needs = ((TOKEN_SCORES, RETAIN_EVAL),)


class _GeneratedRouge(Metric):
    unit = "%"
    citation = "Lin 2004, ROUGE"
    split: ClassVar[str]

    def compute(self, observations: Observations) -> Score:
        column: list[float | None] = [
            rouge_l(answer, text) for answer, text in observations.generated(self.split)
        ]
        return _mean_score({self.split: column}, observations)


class UnlearnRougeL(_GeneratedRouge):
    """ROUGE-L F1 of freely generated answers to the forget evaluation set."""

    name = "unlearn_rouge_l"
    summary = "ROUGE-L of generated answers on the forget evaluation set."
    direction = "lower"
    split = FORGET_EVAL
    needs = ((GENERATED, FORGET_EVAL),)


class RetentionRougeL(_GeneratedRouge):
    """ROUGE-L F1 of freely generated answers to the retain evaluation set."""

    name = "retention_rouge_l"
    summary = "ROUGE-L of generated answers on the retain evaluation set."
    direction = "higher"
    split = RETAIN_EVAL
    needs = ((GENERATED, RETAIN_EVAL),)


def _perplexity(*samples: Any, axis: int = -1) -> Any:
    """Return exp(− mean log-probability), at most e^700 ≈ 1e304, the most that JSON can hold."""
    import numpy

    return numpy.exp(numpy.minimum(-mean_of_means(*samples, axis=axis), 700.0))


def _mean_score(
    columns: dict[str, list[float | None]],
    observations: Observations,
    statistic: Callable[..., Any] = mean_of_means,
) -> Score:
    samples: list[Sequence[float]] = [
        [value for value in column if value is not None] for column in columns.values()
    ]
    if not all(samples):
        return Score.missing(
            "no example could be scored", sum(len(column) for column in columns.values())
        )
    estimate = bootstrap(*samples, seed=observations.bootstrap_seed, statistic=statistic)
    return Score.of(estimate, columns)
