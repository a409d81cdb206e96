"""What a metric is given: what it asked to be observed, of one model on one split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unharness.data.examples import Example, Split
from unharness.evaluation.metric import Score
from unharness.evaluation.observed import Observed, SequenceRows, TokenRows
from unharness.evaluation.requests import (
    ANSWER,
    PROMPT,
    Choices,
    Generated,
    Likelihood,
    Observation,
    Paired,
)
from unharness.evaluation.statistics import (
    Sample,
    Statistic,
    mean_over_pairs,
    resampled,
    weighted_mean,
)
from unharness.reference_rows import ReferenceRow

NOTHING_SCORED = "no example could be scored"
Values = Sequence[float | None]
"""One an example; None where it was not scored."""


@dataclass(frozen=True)
class ChoiceScores:
    """How likely each of an example's choices is as its answer, in their order."""

    sums: tuple[float, ...]
    """Log-probability of the whole choice, nats."""
    means: tuple[float, ...]
    """Log-probability per token, nats."""
    gold: int | None
    """Index of the right choice."""

    @property
    def best_by_mean(self) -> int:
        """Index of the choice that is most likely per token; the first of equal ones."""
        return max(range(len(self.means)), key=self.means.__getitem__)

    @property
    def best_by_sum(self) -> int:
        """Index of the choice that is most likely as a whole; the first of equal ones."""
        return max(range(len(self.sums)), key=self.sums.__getitem__)


@dataclass(frozen=True)
class Seen:
    """What a metric asked to be observed, of one model on one split.

    The accessors raise KeyError for what the metric did not ask for.
    """

    split: Split
    """Name, role, kind and the evaluated examples."""
    observed: Mapping[Observation, Observed]
    """By part of the metric's request; for requests of a plugin's own observers."""
    seed: int = 0
    """Of the bootstrap."""
    against: Seen | None = None
    """The same on the split that the task's use sets it against."""

    @property
    def examples(self) -> tuple[Example, ...]:
        """The evaluated examples."""
        return self.split.examples

    def likelihood(self, answer: str = ANSWER, prompt: str = PROMPT) -> TokenRows:
        """Return the token scores of one kind of answers to one kind of prompts.

        Returns:
            By example one entry a variant (the first prompt's answers, then the second's), None
            where no token could be scored. The own answer to the own question is one variant.
        """
        return self.observed[Likelihood((prompt,), (answer,))].tokens

    def paired(
        self, with_: ReferenceRow, answer: str = ANSWER, prompt: str = PROMPT
    ) -> SequenceRows:
        """Return how far the predictions are from another model's: KL(other ‖ model), nats.

        Returns:
            By example one entry a variant, as `likelihood`: a number a token, None where no token
            could be compared.
        """
        return self.observed[Paired(with_, (prompt,), (answer,))].sequences("kl")

    def texts(self, sample: int = 0) -> list[str]:
        """Return the generated texts of one sample, one an example."""
        return [samples[sample] for samples in self._generated()]

    def choices(self) -> list[ChoiceScores | None]:
        """Return the likelihoods of the choices, one entry an example.

        None where there is no choice, or one of which no token could be scored.
        """
        found: list[ChoiceScores | None] = []
        for example, rows in zip(self.examples, self.observed[Choices()].tokens, strict=True):
            scored = [row.log_probs for row in rows if row is not None]
            if not scored or len(scored) < len(rows):
                found.append(None)
                continue
            sums = tuple(map(sum, scored))
            means = tuple(total / len(row) for total, row in zip(sums, scored, strict=True))
            found.append(ChoiceScores(sums, means, example.gold))
        return found

    def mean(self, values: Values, then: Callable[[Any], Any] | None = None) -> Score:
        """Return the mean over the scored examples, by their weights, with its 95% interval.

        Args:
            values: finite numbers, one an example.
            then: a function of the mean to give in its place, such as an exponential; it takes
                and returns a numpy array.
        """
        if all(value is None for value in values):
            return Score.missing(NOTHING_SCORED, len(values))
        estimate = weighted_mean(self._sample(values), self.seed, then)
        return Score.of(estimate, {self.split.name: list(values)})

    def bootstrap(
        self, values: Values, *others: tuple[Seen, Values], statistic: Statistic
    ) -> Score:
        """Return any statistic of one or several samples, with its 95% interval.

        Args:
            values: of this split, one an example.
            others: further samples, as pairs of what was seen and one value an example: of
                `against`, or of a reference. The same split is resampled alike for all models.
            statistic: takes an array of the scored values for each sample. It is called 2,000
                times; weights of examples are not used.
        """
        pairs = [(self, values), *others]
        if any(all(value is None for value in column) for _, column in pairs):
            return Score.missing(NOTHING_SCORED, sum(len(column) for _, column in pairs))
        samples = [seen._sample(column) for seen, column in pairs]
        estimate = resampled(samples, statistic, self.seed)
        columns = {self.split.name: list(values)}
        if self.against is not None and others and others[0][0] is self.against:
            columns[self.against.split.name] = list(others[0][1])
        return Score.of(estimate, columns)

    def mean_over_pairs(
        self,
        values: Values,
        *others: tuple[Seen, Values],
        kernel: Callable[[Any, Any], Any],
    ) -> Score:
        """Return the mean of a function of two values over all pairs, with its 95% interval.

        An AUC is such a mean. It is resampled as by `bootstrap`, many times faster.

        Args:
            values: of this split, one an example.
            others: one or more further samples, as in `bootstrap`; the mean over them is given.
            kernel: takes an (n, 1) and a (1, m) array, and returns (n, m).
        """
        pairs = [(self, values), *others]
        if any(all(value is None for value in column) for _, column in pairs):
            return Score.missing(NOTHING_SCORED, sum(len(column) for _, column in pairs))
        sample, *rest = (seen._sample(column) for seen, column in pairs)
        estimate = mean_over_pairs(sample, rest, kernel, self.seed)
        columns = {self.split.name: list(values)}
        if self.against is not None and others and others[0][0] is self.against:
            columns[self.against.split.name] = list(others[0][1])
        return Score.of(estimate, columns)

    def _generated(self) -> Sequence[Sequence[str]]:
        for request, found in self.observed.items():
            if isinstance(request, Generated):
                return found.texts["samples"]
        raise KeyError(f"no text of {self.split.name} was asked for")

    def _sample(self, values: Values) -> Sample:
        groups = tuple(row.group or f"\0{at}" for at, row in enumerate(self.examples))
        weights = [row.weight for row in self.examples]
        return Sample(self.split.name, groups, values, weights)
