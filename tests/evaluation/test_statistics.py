"""The bootstrap: intervals that hold their value, and the same for the same seed."""

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import bootstrap
from unharness.evaluation.statistics import mean_of_means

samples = st.lists(st.floats(0, 100, width=32), min_size=2, max_size=30)


def test_a_mean_by_hand():
    estimate = bootstrap([0.0, 50.0, 100.0, 50.0], seed=0)
    assert estimate.value == 50.0
    assert estimate.ci95 is not None
    low, high = estimate.ci95
    assert 0.0 <= low < 50.0 < high <= 100.0


def test_the_standard_error_is_that_of_the_mean():
    # 400 values, half 0 and half 100: standard deviation 50, of the mean 50 / 20 = 2.5.
    estimate = bootstrap([0.0, 100.0] * 200, seed=1)
    assert estimate.stderr == pytest.approx(2.5, rel=0.08)
    assert estimate.ci95 is not None
    # A normal 95% interval is 1.96 standard errors to both sides.
    assert estimate.ci95[0] == pytest.approx(50 - 1.96 * 2.5, abs=0.7)
    assert estimate.ci95[1] == pytest.approx(50 + 1.96 * 2.5, abs=0.7)


def test_two_samples_are_resampled_each_by_itself():
    # The mean of two independent means, each with a standard error of 2.5: 2.5 / sqrt 2. Were
    # the two resampled in pairs, these opposites would always cancel out, to an error of 0.
    estimate = bootstrap([0.0, 100.0] * 200, [100.0, 0.0] * 200, seed=1)
    assert estimate.value == 50.0
    assert estimate.stderr == pytest.approx(2.5 / math.sqrt(2), rel=0.08)


def test_samples_of_different_sizes_count_the_same():
    estimate = bootstrap([0.0] * 30, [100.0] * 2, seed=0)
    assert estimate.value == 50.0
    assert estimate.ci95 == (50.0, 50.0)
    assert estimate.stderr == 0.0


@pytest.mark.parametrize("data", [([5.0],), ([5.0], [1.0, 2.0]), ([1.0, 2.0], [5.0])])
def test_one_example_gives_no_interval(data: tuple[list[float], ...]):
    estimate = bootstrap(*data, seed=0)
    assert estimate.value == pytest.approx(sum(sum(d) / len(d) for d in data) / len(data))
    assert (estimate.ci95, estimate.stderr) == (None, None)


@given(sample=samples, seed=st.integers(0, 2**32 - 1))
def test_the_interval_of_a_mean_holds_it(sample: list[float], seed: int):
    estimate = bootstrap(sample, seed=seed)
    assert estimate.value == pytest.approx(math.fsum(sample) / len(sample), rel=1e-9, abs=1e-9)
    assert estimate.ci95 is not None
    low, high = estimate.ci95
    slack = 1e-9 * max(1.0, max(sample))
    # Few and very skewed values leave the percentiles on one side of the mean: but never beyond
    # the sample itself, and with 2,000 resamples never the wrong way round.
    assert min(sample) - slack <= low <= high <= max(sample) + slack
    assert estimate.stderr is not None
    assert estimate.stderr >= 0


@given(
    sample=st.lists(st.floats(0, 100, width=16), min_size=2, max_size=12).map(
        lambda values: [*values, *(100 - value for value in values)]  # as symmetric as can be
    )
)
def test_the_interval_contains_a_symmetric_samples_mean(sample: list[float]):
    estimate = bootstrap(sample, seed=0)
    assert estimate.ci95 is not None
    assert estimate.ci95[0] - 1e-9 <= estimate.value <= estimate.ci95[1] + 1e-9


def test_the_same_seed_gives_the_same_interval():
    data = [float(n * 37 % 11) for n in range(50)]
    assert bootstrap(data, seed=7) == bootstrap(data, seed=7)
    assert bootstrap(data, seed=7) != bootstrap(data, seed=8)


def test_another_statistic():
    def largest(*data: numpy.ndarray, axis: int = -1) -> numpy.ndarray:
        return numpy.max(data[0], axis=axis)

    estimate = bootstrap([1.0, 2.0, 9.0], seed=0, statistic=largest)
    assert estimate.value == 9.0
    assert estimate.ci95 is not None
    assert estimate.ci95[1] == 9.0


def test_the_mean_of_means_goes_along_the_last_axis():
    one, two = numpy.array([[1.0, 3.0], [5.0, 7.0]]), numpy.array([[0.0], [10.0]])
    assert mean_of_means(one, two).tolist() == [1.0, 8.0]
