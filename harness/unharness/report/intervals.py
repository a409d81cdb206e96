"""One 95% interval for every number: over target seeds, seeds and questions, crossed.

A row's value is the mean over its runs; each run is the mean over the same questions, or a smooth
function of such means. Its variance is the sum of what each source of chance gives:

    runs       s² of the run values / K, with several target seeds s² of their means / T, less the
               interaction of runs and questions, which both this and the next line hold
    questions  the delete-one-group jackknife of the row's value, by split
    retrained  the delete-one jackknife over the retrained models that a value is set against

For a plain mean this is the analysis of variance of two crossed random factors (Cornfield and
Tukey 1956). The interval is value ± √Σ (t · standard error)², each source with Student's t of its
own degrees of freedom: for one source the t interval, for several that of Banerjee (1961), which
for independent normal sources holds 95% at least. Satterthwaite's single t holds too little for
three seeds: see `benchmarks/interval_coverage.py`. Percentages are taken to the logit scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy

Interval = tuple[float, float]
BISECTIONS = 40
RunKey = tuple[int, int]
"""Target seed and seed."""


@dataclass(frozen=True)
class Piece:
    """What one source of chance gives to a variance."""

    source: str
    variance: float
    freedom: float
    """Degrees of freedom."""


@dataclass(frozen=True)
class Uncertain:
    """A value with what makes it uncertain, on the scale that it was estimated on."""

    value: float
    pieces: tuple[Piece, ...] = ()
    """Empty where nothing says how uncertain it is."""

    def half_width(self, level: float = 0.95) -> float | None:
        """Return half the interval's width; None where nothing is known of the uncertainty."""
        squares = [quantile(piece.freedom, level) ** 2 * piece.variance for piece in self.pieces]
        half = math.sqrt(math.fsum(squares)) if squares else math.nan
        return half if math.isfinite(half) else None

    def interval(self) -> Interval | None:
        """Return the 95% interval; None where nothing is known of the uncertainty."""
        half = self.half_width()
        return None if half is None else (self.value - half, self.value + half)

    def percent_interval(self, *, counted: bool = True) -> Interval | None:
        """Return the 95% interval of a value in %, computed as logits: never outside 0 to 100.

        A value that is outside itself is no share, and has the plain interval.

        Args:
            counted: whether its error shrinks towards 0 and 100, as that of a mean over questions
                does, of which n equal answers leave open what they do. Else the interval is not
                computed as logits but cut at 0 and 100.
        """
        half, share = self.half_width(), self.value / 100.0
        if half is None:
            return None
        if not 0.0 <= share <= 1.0:
            return self.value - half, self.value + half
        if counted and not 0.0 < share < 1.0:  # no logit: what so many equal answers leave open
            half = max(half, self._unseen())
        if not counted or half == 0.0 or not 0.0 < share < 1.0:
            return max(0.0, self.value - half), min(100.0, self.value + half)
        width = half / 100.0 / (share * (1.0 - share))
        logit = math.log(share / (1.0 - share))
        return 100.0 * _expit(logit - width), 100.0 * _expit(logit + width)

    def _unseen(self) -> float:
        """Return the exact 95% bound, %, on what none of n questions showed (Clopper, Pearson).

        Of several splits, that of the one with the fewest questions.
        """
        counts = [one.freedom + 1 for one in self.pieces if one.source == "questions"]
        return unseen_share(min(counts, default=math.inf))

    def p_value(self) -> float | None:
        """Return the level at which the interval just reaches 0: the two-sided p-value."""
        if self.half_width() is None:
            return None
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            level = (low + high) / 2
            reaches = (self.half_width(level) or 0.0) >= abs(self.value)
            low, high = (low, level) if reaches else (level, high)
        return 1.0 - (low + high) / 2


def unseen_share(count: float) -> float:
    """Return the exact 95% bound, %, on what none of n questions showed (Clopper, Pearson)."""
    return 100.0 * (1.0 - math.pow(0.025, 1.0 / count))


@dataclass(frozen=True, eq=False)
class Runs:
    """The values of a row's runs, by target seed."""

    within: Sequence[Any]
    """By target seed, the values of its runs."""
    squares: float
    """The sum of squares about the means of the targets; infinite where values are too large."""
    freedom: int
    """Its degrees of freedom."""

    @classmethod
    def of(cls, keys: Sequence[RunKey], values: Any) -> Runs:
        """Sort the values of runs by target seed."""
        places, known = _by_target(tuple(keys)).values(), numpy.asarray(values)
        within = [known] if len(places) == 1 else [known[own] for own in places]
        return cls(within, math.fsum(map(_squares, within)), len(keys) - len(within))

    def pieces(self) -> tuple[Piece, ...]:
        """Return what the runs' own chance gives: by target seed and seed where both vary."""
        # The variance between the seeds of one target.
        seed = self.squares / self.freedom if self.freedom else 0.0
        count, runs = len(self.within), sum(map(len, self.within))
        if count < 2:
            return (Piece("seeds", seed / runs, self.freedom),) if self.freedom else ()
        between = self.between() / count
        expected = seed * sum(1.0 / len(found) for found in self.within) / count**2
        if self.freedom and between <= expected:
            # The targets differ by no more than their seeds do: all are one sample.
            pooled = (self.squares + float(_between_squares(self.within))) / (runs - 1)
            return (Piece("seeds", pooled / runs, runs - 1),)
        return (Piece("targets", between, count - 1),)

    def between(self) -> float:
        """Return the variance of the targets' means, of two targets at least."""
        return float(numpy.var([found.mean() for found in self.within], ddof=1))


def _squares(values: Any) -> float:
    """Return the sum of squares about the mean; infinite where the values are too large."""
    with numpy.errstate(over="ignore"):
        return float(((values - values.sum() / len(values)) ** 2).sum())


def _between_squares(within: Sequence[Any]) -> float:
    mean = float(numpy.concatenate(within).mean())
    return math.fsum(len(found) * (float(found.mean()) - mean) ** 2 for found in within)


@dataclass(frozen=True, eq=False)
class Sampled:
    """A row's value, with what each run and each question gives to it."""

    keys: tuple[RunKey, ...]
    values: Any
    """(K,) float: by run."""
    influences: Mapping[str, Any] = field(default_factory=dict)
    """By split, (K, G): what each group of examples adds to the run's value, about a sum of 0."""
    retrained: Any = None
    """(K, R): by run the value without each retrained model, minus the value."""
    question_errors: Any = None
    """(K,): standard errors over questions, where `influences` is not known; nan for unknown."""

    @cached_property
    def value(self) -> float:
        """The mean over the runs."""
        return float(self.values.sum() / len(self.values))

    @cached_property
    def runs(self) -> Runs:
        """The values by target seed."""
        return Runs.of(self.keys, self.values)

    @cached_property
    def run_pieces(self) -> list[Piece]:
        """What the runs' own chance gives, without what the questions' pieces hold as well."""
        shared = math.fsum(_interaction(found) for found in self.influences.values())
        return [
            Piece(one.source, max(0.0, one.variance - shared), one.freedom)
            for one in self.runs.pieces()
        ]

    def estimate(self) -> Uncertain:
        """Return the row's value with its variance."""
        return self._estimate

    @cached_property
    def _estimate(self) -> Uncertain:
        return Uncertain(self.value, (*self.run_pieces, *self._other_pieces()))

    def _other_pieces(self) -> Iterator[Piece]:
        for influence in self.influences.values():
            mean = _scaled(influence).mean(axis=0)
            yield Piece("questions", float((mean**2).sum()), max(1, influence.shape[1] - 1))
        if not self.influences and self.question_errors is not None:
            variance = float(numpy.square(self.question_errors).mean())
            if math.isfinite(variance):
                yield Piece("questions", variance, math.inf)
        yield from _retrained_pieces(self.retrained)

    @property
    def errors(self) -> Any:
        """The standard error over questions of each run, (K,); nan where it is not known."""
        if not self.influences:
            unknown = numpy.full(len(self.keys), numpy.nan)
            return unknown if self.question_errors is None else self.question_errors
        squares = [_scaled(found) ** 2 for found in self.influences.values()]
        return numpy.sqrt(sum(found.sum(axis=1) for found in squares))

    def chosen(self, places: Sequence[int]) -> Sampled:
        """Return it for some of the runs, in a given order; a run may come more than once."""
        rows = list(places)
        if rows == list(range(len(self.keys))):
            return self
        return Sampled(
            tuple(self.keys[place] for place in rows),
            self.values[rows],
            {split: influence[rows] for split, influence in self.influences.items()},
            None if self.retrained is None else self.retrained[rows],
            None if self.question_errors is None else self.question_errors[rows],
        )


def difference(one: Sampled, other: Sampled) -> Uncertain:
    """Return one row's value minus another's, on the same questions.

    Runs are paired by target seed and seed; a row with a single run of a target seed, as of a
    model that has no seed, is paired with all runs of that target seed. Where no run has a
    partner, or only one of several has, the rows' runs are independent; the questions stay paired.
    """
    pairs = paired(one.keys, other.keys)
    if pairs:
        first = one.chosen([a for a, _ in pairs])
        second = other.chosen([b for _, b in pairs])
        found = _subtracted(first, second).estimate()
        return replace(found, pieces=(*found.pieces, *_unshared(first, second)))
    runs = [*one.run_pieces, *other.run_pieces]
    questions = _subtracted(_mean_run(one), _mean_run(other)).estimate()
    return Uncertain(one.value - other.value, (*runs, *questions.pieces, *_unshared(one, other)))


def same_questions(one: Sampled, other: Sampled) -> bool:
    """Return whether what each question adds is known of both rows, for the same questions."""
    first, second = (
        {split: found.shape[1] for split, found in row.influences.items()} for row in (one, other)
    )
    return bool(first) and first == second


def _subtracted(first: Sampled, second: Sampled) -> Sampled:
    shared = same_questions(first, second)
    errors = None
    if not shared:
        errors = numpy.hypot(first.errors, second.errors)
    return Sampled(
        first.keys,
        first.values - second.values,
        {k: first.influences[k] - second.influences[k] for k in first.influences if shared},
        first.retrained - second.retrained if _same_retrained(first, second) else None,
        errors,
    )


def _same_retrained(first: Sampled, second: Sampled) -> bool:
    """Return whether two rows are set against as many retrained models: then against the same."""
    counts = [None if one.retrained is None else one.retrained.shape[1] for one in (first, second)]
    return counts[0] is not None and counts[0] == counts[1]


def _unshared(first: Sampled, second: Sampled) -> list[Piece]:
    """Return what retrained models give to a difference of rows that do not share them."""
    if _same_retrained(first, second):
        return []
    return [piece for one in (first, second) for piece in _retrained_pieces(one.retrained)]


def _mean_run(one: Sampled) -> Sampled:
    """Return the mean over the runs as if it were one run."""
    return Sampled(
        ((0, 0),),
        numpy.array([one.value]),
        {split: found.mean(axis=0, keepdims=True) for split, found in one.influences.items()},
        None if one.retrained is None else one.retrained.mean(axis=0, keepdims=True),
        None
        if one.question_errors is None
        else numpy.sqrt(numpy.mean(numpy.square(one.question_errors), keepdims=True)),
    )


@lru_cache(maxsize=4096)  # rows of a board have the same few sets of seeds
def paired(ours: tuple[RunKey, ...], theirs: tuple[RunKey, ...]) -> tuple[tuple[int, int], ...]:
    """Return which runs of two rows belong together, as pairs of indices; see `difference`.

    A single run, as of a base model, belongs to all of the other row's, whatever their target. One
    pair alone would say nothing of the seeds, so that rows of several runs each have none.
    """
    if min(len(ours), len(theirs)) == 1:
        return tuple((a, b) for a in range(len(ours)) for b in range(len(theirs)))
    exact = [(at, theirs.index(key)) for at, key in enumerate(ours) if key in theirs]
    found: list[tuple[int, int]] = []
    counts = [_by_target(keys) for keys in (ours, theirs)]
    for target in sorted(counts[0].keys() & counts[1].keys()):
        mine, other = counts[0][target], counts[1][target]
        same = [pair for pair in exact if pair[0] in mine]
        if len(mine) > 1 and len(other) > 1 and same:
            found += same
        elif len(mine) == 1 or len(other) == 1:
            found += [(a, b) for a in mine for b in other]
    return tuple(found) if len(found) > 1 else ()


@lru_cache(maxsize=4096)
def _by_target(keys: tuple[RunKey, ...]) -> Mapping[int, list[int]]:
    """Return the places of each target seed's runs."""
    found: dict[int, list[int]] = {}
    for at, (target, _) in enumerate(keys):
        found.setdefault(target, []).append(at)
    return found


def _scaled(influence: Any) -> Any:
    """Return influences of which the sum of squares is a jackknife variance."""
    count = influence.shape[1]
    return influence * math.sqrt(count / (count - 1)) if count > 1 else influence * numpy.nan


def _interaction(influence: Any) -> float:
    """Return the variance that runs and questions give together; 0 for a single run."""
    runs = int(influence.shape[0])
    if runs < 2:
        return 0.0
    scaled = _scaled(influence)
    squares = float(((scaled - scaled.mean(axis=0)) ** 2).sum())
    return squares / float((runs - 1) * runs)


def _retrained_pieces(left_out: Any) -> Iterable[Piece]:
    if left_out is None or left_out.shape[1] < 2:
        return
    count = left_out.shape[1]
    found = left_out.mean(axis=0)
    variance = (count - 1) / count * float(((found - found.mean()) ** 2).sum())
    yield Piece("retrained", variance, count - 1)


@lru_cache(maxsize=4096)
def quantile(freedom: float, level: float) -> float:
    """Return how many standard errors hold a share of Student's t; infinite: of the normal."""
    from scipy.special import ndtri, stdtrit

    at = (1.0 + level) / 2
    found = ndtri(at) if math.isinf(freedom) else stdtrit(freedom, at)
    return float(found)


def _expit(logit: float) -> float:
    """Return the share of a logit."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -700.0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's (1979) adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    found = [0.0] * len(p_values)
    highest = 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[at]))
        found[at] = highest
    return found


def components(sampled: Sampled) -> dict[str, float | None]:
    """Return the standard deviations of the target's, the seed's and the questions' effects.

    Returns:
        `targets`, `seeds`, `questions`: of one target, one seed of it, and one question, each in
        the unit of the values; None where it cannot be told.
    """
    runs = sampled.runs
    seed = runs.squares / runs.freedom if runs.freedom else None
    target = None
    if len(runs.within) > 1:
        noise = (seed or 0.0) * sum(1.0 / len(found) for found in runs.within) / len(runs.within)
        target = max(0.0, runs.between() - noise)
    question = None
    if sampled.influences:
        question = math.fsum(
            (_scaled(found).mean(axis=0) ** 2).sum() * found.shape[1]
            for found in sampled.influences.values()
        )
    named = {"targets": target, "seeds": seed, "questions": question}
    return {
        name: None if found is None or not math.isfinite(found) else math.sqrt(found)
        for name, found in named.items()
    }
