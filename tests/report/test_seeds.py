import math
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from unharness.report.seeds import over_seeds

finite = st.floats(-1e12, 1e12)


def test_interval_over_seeds_is_scipys():
    values = [1.0, 4.0, 2.0, 8.0]
    expected = stats.t.interval(0.95, 3, loc=mean(values), scale=stats.sem(values))
    assert over_seeds(values)[1] == pytest.approx(expected)


@given(st.lists(finite, min_size=1, max_size=12))
def test_mean_lies_among_the_values_and_in_its_interval(values):
    value, interval = over_seeds(values)
    assert min(values) <= value <= max(values)
    if len(values) == 1:
        assert interval is None
    else:
        assert interval is not None
        low, high = interval
        assert low <= value <= high
        assert math.isclose(value - low, high - value, rel_tol=1e-6, abs_tol=1e-3)
