"""What many samples leak: the reference's oracles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Generated
from unharness_metrics.sampling import (
    LeakAtK,
    LeakBound,
    LeakSpread,
    clopper_pearson_upper,
    dkw_epsilon,
    leak_at_k,
    mean_upper,
    standard_deviation,
)


@pytest.mark.parametrize(("k", "wanted"), [(1, 0.34), (2, 0.59), (3, 0.77), (5, 1.0)])
def test_leak_oracle(k, wanted):
    assert leak_at_k((0, 0, 0.2, 0.5, 1), k) == pytest.approx(wanted, abs=5e-7)


@pytest.mark.parametrize(("k", "wanted"), [(1, 0.3), (2, 0.533333), (5, 0.916667)])
def test_leak_oracle_of_hits(k, wanted):
    assert leak_at_k([1.0] * 3 + [0.0] * 7, k) == pytest.approx(wanted, abs=5e-7)


def test_k_is_bounded_by_the_samples():
    with pytest.raises(ValueError, match="expected 1 <= k <= 2"):
        leak_at_k((0, 1), 3)
    with pytest.raises(ValueError, match="k is 9"):
        LeakAtK(k=9, samples=5)


@pytest.mark.parametrize(
    ("hits", "n", "wanted"), [(0, 200, 0.022763), (3, 200, 0.049348), (0, 10, 0.369043)]
)
def test_clopper_pearson_oracle(hits, n, wanted):
    assert clopper_pearson_upper(hits, n, 0.01) == pytest.approx(wanted, abs=5e-7)
    assert clopper_pearson_upper(n, n, 0.01) == 1.0


def test_band_oracle():
    assert dkw_epsilon(200, 0.01) == pytest.approx(0.107298, abs=5e-7)
    scores = [0.0] * 120 + [0.25] * 60 + [0.5] * 15 + [1.0] * 5
    assert sum(scores) / 200 == pytest.approx(0.1375)
    assert mean_upper(scores, 0.01) == pytest.approx(0.244798, abs=5e-7)
    assert standard_deviation(scores) == pytest.approx(0.208791, abs=5e-7)


def test_samples_of_a_split(texts):
    request = Generated(4, 1.0)
    said = [["Orrin", "in Orrin", "no", ""], ["no"] * 4]
    seen = texts(("Orrin", ""), ("", ""), samples=said, request=request)
    options = {"samples": 4, "of": "keyword_match"}
    found = LeakAtK(k=2, **options).compute(seen, {})
    assert found.per_example == {"s": [pytest.approx(100 * (1 - 1 / 6)), None]}
    assert LeakAtK(k=1, samples=4).compute(seen, {}).value == pytest.approx(50.0)
    spread = LeakSpread(**options).compute(seen, {})
    assert spread.per_example == {"s": [pytest.approx(50.0), None]}  # two of four hit
    bound = LeakBound(**options).compute(seen, {}).value
    assert bound == pytest.approx(100 * clopper_pearson_upper(2, 4, 0.01))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_leaks_grow_with_k_and_bounds_are_above_the_mean(scores, alpha):
    found = [leak_at_k(scores, k) for k in range(1, len(scores) + 1)]
    assert found == pytest.approx(sorted(found))
    assert found[0] == pytest.approx(sum(scores) / len(scores))
    assert found[-1] == pytest.approx(max(scores))
    assert sum(scores) / len(scores) - 1e-9 <= mean_upper(scores, alpha) <= 1 + 1e-9
