"""The bootstrap: intervals that hold their value, by group, and the same for the same seed."""

import math
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Example, Score, Seen, Split
from unharness.evaluation.statistics import Sample, mean_over_pairs, resampled, weighted_mean

samples = st.lists(st.floats(0, 100, width=32), min_size=2, max_size=30)


def seen(
    count: int,
    name: str = "s",
    groups: list[str] | None = None,
    weights: list[float] | None = None,
    seed: int = 0,
    against: Seen | None = None,
) -> Seen:
    examples = tuple(
        Example(str(n), f"{name} {n}", "a")
        if not groups
        else Example(str(n), f"{name} {n}", "a", group=groups[n])
        for n in range(count)
    )
    if weights:
        examples = tuple(
            Example(one.id, one.prompt, one.answer, weight=weight)
            for one, weight in zip(examples, weights, strict=True)
        )
    return Seen(Split(name, "forget", examples=examples), {}, seed, against)


def mean(values: list[Any], **options: Any) -> Score:
    return seen(len(values), **options).mean(values)


def test_a_mean_by_hand():
    found = mean([0.0, 50.0, 100.0, 50.0])
    assert (found.value, found.n, found.n_unscored) == (50.0, 4, 0)
    assert found.ci95 is not None
    low, high = found.ci95
    assert 0.0 <= low < 50.0 < high <= 100.0


def test_the_standard_error_is_that_of_the_mean():
    # 400 values, half 0 and half 100: standard deviation 50, of the mean 50 / 20 = 2.5.
    found = mean([0.0, 100.0] * 200, seed=1)
    assert found.stderr == pytest.approx(2.5, rel=0.08)
    assert found.ci95 is not None
    # A normal 95% interval is 1.96 standard errors to both sides.
    assert found.ci95[0] == pytest.approx(50 - 1.96 * 2.5, abs=0.7)
    assert found.ci95[1] == pytest.approx(50 + 1.96 * 2.5, abs=0.7)


def test_examples_of_one_group_are_drawn_together():
    # Ten groups of forty equal values are ten observations: 50 / sqrt(10) = 15.8, not 2.5.
    values = [100.0 * (at % 2) for at in range(10) for _ in range(40)]
    groups = [f"author {at}" for at in range(10) for _ in range(40)]
    alone, grouped = mean(values), mean(values, groups=groups)
    assert grouped.value == alone.value == 50.0
    assert alone.stderr == pytest.approx(2.5, rel=0.08)
    assert grouped.stderr == pytest.approx(50 / math.sqrt(10), rel=0.08)
    assert mean([0.0, 100.0], groups=["one", "one"]).ci95 is None


def test_weights_count():
    found = mean([0.0, 100.0, None], weights=[3.0, 1.0, 50.0])
    assert found.value == pytest.approx(25.0, abs=1e-12)
    assert (found.n, found.n_unscored) == (2, 1)


@pytest.mark.parametrize("values", [[5.0], [5.0, None]])
def test_one_scored_example_has_no_spread(values: list[Any]):
    found = mean(values)
    assert found.value == 5.0
    assert not found.stderr


def test_nothing_scored_is_no_score():
    found = mean([None, None])
    assert (found.value, found.n, found.n_unscored) == (None, 0, 2)


@given(sample=samples, seed=st.integers(0, 2**32 - 1))
def test_the_interval_of_a_mean_stays_within_the_sample(sample: list[float], seed: int):
    found = mean(sample, seed=seed)
    assert found.value == pytest.approx(math.fsum(sample) / len(sample), rel=1e-9, abs=1e-9)
    assert found.ci95 is not None
    low, high = found.ci95
    slack = 1e-9 * max(1.0, max(sample))
    # Few and very skewed values leave the percentiles on one side of the mean: but never beyond
    # the sample itself, and with 2,000 resamples never the wrong way round.
    assert min(sample) - slack <= low <= high <= max(sample) + slack
    assert found.stderr is not None
    assert found.stderr >= 0


@given(
    sample=st.lists(st.floats(0, 100, width=16), min_size=2, max_size=12).map(
        lambda values: [*values, *(100 - value for value in values)]  # as symmetric as can be
    )
)
def test_the_interval_contains_a_symmetric_samples_mean(sample: list[float]):
    found = mean(sample)
    assert found.ci95 is not None
    assert found.value is not None
    assert found.ci95[0] - 1e-9 <= found.value <= found.ci95[1] + 1e-9


def test_the_interval_holds_a_value_at_the_end_of_its_range():
    # Largest at the sample's own mean, 50: all that is drawn is smaller.
    values = [0.0, 13.0, 61.0, 47.0, 79.0, 100.0]
    sample = Sample("s", tuple("abcdef"), values, [1.0] * 6)
    found = weighted_mean(sample, 0, lambda mean: 100 - abs(mean - 50))
    assert found.value == pytest.approx(100)
    assert found.ci95 is not None
    assert found.ci95[0] < 90
    assert found.ci95[1] == found.value


def test_the_same_seed_gives_the_same_interval():
    data = [float(n * 37 % 11) for n in range(50)]
    assert mean(data, seed=7).ci95 == mean(data, seed=7).ci95
    assert mean(data, seed=7).ci95 != mean(data, seed=8).ci95


def test_any_statistic_and_two_splits():
    # P(a holdout value is above a forget value) by hand: (0.2, 0.5, 0.5, 1.0) against
    # (0.5, 0.9, 1.4): 9 of 12, ties one half (METRICS.md, section 12).
    def auc(forget: Any, holdout: Any) -> float:
        above = holdout[:, None] > forget
        return float((above + 0.5 * (holdout[:, None] == forget)).mean())

    holdout = seen(4, "holdout")
    forget = seen(5, "forget", against=holdout)
    found = forget.bootstrap(
        [0.2, 0.5, None, 0.5, 1.0], (holdout, [0.5, 0.9, 1.4, None]), statistic=auc
    )
    assert found.value == pytest.approx(0.75)
    assert found.ci95 is not None
    assert 0 <= found.ci95[0] < 0.75 < found.ci95[1] <= 1
    assert (found.n, found.n_unscored) == (7, 2)


def test_the_same_split_is_drawn_alike_for_two_models():
    # The difference of two models that differ by a constant has no spread; that of two splits has.
    values = [float(n) for n in range(40)]
    mine, other, elsewhere = seen(40), seen(40), seen(40, "elsewhere")
    shifted = [value + 3 for value in values]

    def difference(one: Any, two: Any) -> float:
        return float(one.mean() - two.mean())

    paired = mine.bootstrap(shifted, (other, values), statistic=difference)
    assert paired.value == pytest.approx(3.0)
    assert paired.stderr == pytest.approx(0.0, abs=1e-9)
    apart = mine.bootstrap(shifted, (elsewhere, values), statistic=difference)
    assert apart.stderr is not None
    assert apart.stderr > 1


def test_a_generic_statistic_agrees_with_the_weighted_mean():
    values = [float(n * 37 % 11) for n in range(30)]
    one = seen(30)
    assert one.bootstrap(values, statistic=numpy.mean).ci95 == pytest.approx(one.mean(values).ci95)


def test_a_mean_over_pairs_is_resampled_as_any_statistic():
    rng = numpy.random.default_rng(5)
    groups = tuple(f"g{at // 2}" for at in range(20))
    values = [None if at == 3 else float(one) for at, one in enumerate(rng.normal(size=20))]
    one = Sample("forget", groups, values, [1.0] * 20)
    same = Sample("forget", groups, [float(v) for v in rng.normal(0.4, 1, 20)], [1.0] * 20)
    apart = [float(value) for value in rng.normal(size=15)]
    elsewhere = Sample("holdout", tuple(map(str, range(15))), apart, [1.0] * 15)

    def kernel(lower, upper):
        return (upper > lower) + 0.5 * (upper == lower)

    def statistic(own, *others):
        return sum(kernel(own[:, None], other[None, :]).mean() for other in others) / len(others)

    fast = mean_over_pairs(one, [same, elsewhere], kernel, 7)
    slow = resampled([one, same, elsewhere], statistic, 7)
    assert fast.value == pytest.approx(slow.value)
    numpy.testing.assert_allclose(fast.replicates, slow.replicates)
