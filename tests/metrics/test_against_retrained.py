"""Metrics against the retrained model: KS tests, AUC of losses, divergence."""

import math
import random
import warnings

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unharness import Observed, Paired
from unharness_metrics.divergence import Divergence
from unharness_metrics.forget_quality import (
    ForgetQuality,
    ForgetQualityD,
    ks_log10_p,
    ks_statistic,
)
from unharness_metrics.membership import SCORES, MembershipAUC, RetrainedAUC, auc_kernel
from unharness_metrics.references import other_seeds


@pytest.mark.parametrize(
    ("one", "other", "d", "p"),
    [
        ((0.1, 0.2, 0.3, 0.4, 0.5), (0.35, 0.45, 0.55, 0.65, 0.75), 0.6, 0.357143),
        ((0.1, 0.2, 0.2, 0.9), (0.2, 0.3, 0.8), 0.416667, 0.885714),
        ((0.2, 0.3, 0.8), (0.1, 0.2, 0.2, 0.9), 0.416667, 0.885714),
        (range(40), range(10, 50), 0.25, 0.164973),
        (range(400), range(41, 441), 0.1025, 0.029853),
        (range(7), range(7), 0.0, 1.0),
        (range(2), range(2, 5), 1.0, 0.2),  # 2 of the C(5, 2) orders
    ],
)
def test_kolmogorov_smirnov_oracles(one, other, d, p):
    assert ks_statistic(one, other) == pytest.approx(d, abs=5e-7)
    assert 10 ** ks_log10_p(one, other) == pytest.approx(p, abs=5e-7)


@pytest.mark.parametrize(
    ("one", "other", "exact", "asymptotic"),
    [
        (range(40), range(10, 50), 0.164973, 0.137626),
        (range(400), range(41, 441), 0.029853, 0.027791),
    ],
)
def test_p_is_exact_and_not_asymptotic(one, other, exact, asymptotic):
    from scipy.stats import ks_2samp

    found = ks_2samp(one, other, method="asymp").pvalue
    assert found == pytest.approx(asymptotic, abs=5e-7)
    assert 10 ** ks_log10_p(one, other) == pytest.approx(exact, abs=5e-7)


def test_an_empty_sample_has_no_p():
    with pytest.raises(ValueError, match="not empty, got 2 and 0 values"):
        ks_log10_p((1, 2), ())


@pytest.mark.parametrize(
    ("n", "printed"), [(40, 1.86e-23), (200, 1.94e-119), (400, 1.06e-239), (1000, None)]
)
def test_complete_separation_has_the_floor_of_its_size(n, printed):
    found = ks_log10_p(range(n), range(n, 2 * n))  # at 1000 too small for a float
    assert found == pytest.approx(math.log10(2) - math.log10(math.comb(2 * n, n)), abs=1e-9)
    assert printed is None or found == pytest.approx(math.log10(printed), abs=3e-3)


VALUES = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@given(VALUES, VALUES, st.integers(1, 5), st.integers(-9, 9))
def test_a_ks_test_is_symmetric_and_sees_the_order_alone(one, other, scale, shift):
    p = ks_log10_p(one, other)
    assert ks_log10_p(other, one) == pytest.approx(p, abs=1e-9)
    moved = [[math.exp(scale * value / 9 + shift) for value in rows] for rows in (one, other)]
    assert ks_log10_p(*moved) == pytest.approx(p, abs=1e-9)
    assert ks_statistic(*moved) == pytest.approx(ks_statistic(one, other), abs=1e-12)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 12), st.integers(0, 99))
def test_p_is_scipy_s(one, size, seed):
    from scipy.stats import ks_2samp

    other = [random.Random(seed + at).randrange(10) for at in range(size)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ks_2samp(one, other, method="exact")
    assume(not caught)  # where its exact sum leaves 0 … 1, SciPy falls back on the asymptotic one
    assert ks_statistic(one, other) == pytest.approx(found.statistic)
    assert 10 ** ks_log10_p(one, other) == pytest.approx(found.pvalue, abs=1e-9)


@pytest.fixture
def nats(row, seen):
    """nats(0.5, None, 1.0) -> what was seen of a model with these losses."""

    def call(*losses, **options):
        return seen([None if x is None else row((-x,)) for x in losses], **options)

    return call


def test_forget_quality_joins_by_id_and_counts_what_is_dropped(nats):
    model = nats(0.1, 0.2, 0.3, None, ids="abcd")
    gold = nats(9.0, 0.3, 0.2, 0.1, ids="dcba")
    found = ForgetQualityD(of="nats").compute(model, {"retrained": [gold]})
    assert (found.value, found.n, found.n_unscored) == (0.0, 3, 1)
    assert ForgetQuality(of="nats").compute(model, {"retrained": [gold]}).value == 0.0


def test_several_seeds_give_the_median_p_and_the_mean_distance(nats):
    model = nats(*range(5))
    seeds = [nats(*(x + shift for x in range(5))) for shift in (0, 3, 9)]
    found = ForgetQuality(of="nats").compute(model, {"retrained": seeds})
    assert 10**found.value == pytest.approx(0.357143, abs=5e-7)
    found = ForgetQualityD(of="nats").compute(model, {"retrained": seeds})
    assert found.value == pytest.approx((0 + 0.6 + 1) / 3)


def test_two_seeds_give_the_p_of_one_test_the_lower(nats):
    model = nats(*range(5))
    seeds = [nats(*(x + shift for x in range(5))) for shift in (3, 0, 9, 9)]
    for count, p in ((1, 0.357143), (2, 0.357143), (3, 0.357143), (4, 2 / math.comb(10, 5))):
        found = ForgetQuality(of="nats").compute(model, {"retrained": seeds[:count]})
        assert 10**found.value == pytest.approx(p, abs=5e-7)


def test_forget_quality_of_truth_ratios(row, seen):
    def model(*wrong):
        kinds = {"paraphrase": [[row((-1.0,))] for _ in wrong]}
        return seen(kinds | {"perturbed": [[row((-nats,))] for nats in wrong]})

    gold = {"retrained": [model(0.35, 0.45, 0.55, 0.65, 0.75)]}
    found = ForgetQuality().compute(model(0.1, 0.2, 0.3, 0.4, 0.5), gold)
    assert 10**found.value == pytest.approx(0.357143, abs=5e-7)


def test_nothing_in_common_is_no_value(nats):
    found = ForgetQuality(of="nats").compute(nats(0.1, None), {"retrained": [nats(None, 0.1)]})
    assert (found.value, found.n_unscored) == (None, 2)


def test_a_single_example_cannot_be_tested(nats):
    given = {"retrained": [nats(0.1, 9.0, ids="bc")]}
    for metric in (ForgetQuality, ForgetQualityD):
        found = metric(of="nats").compute(nats(0.1, 0.2, ids="ab"), given)
        assert (found.value, found.n_unscored) == (None, 2)
        assert found.reason == "fewer than 2 examples were scored of both models"


def test_a_retrained_row_is_compared_with_the_other_seeds(nats):
    own, other = nats(0.1, 0.2), nats(0.1, 0.2)
    assert other_seeds(own, {"retrained": [own, other]}) == [other]
    assert other_seeds(own, {"retrained": [own]}) == [own]
    assert other_seeds(nats(0.1, 0.2), {"retrained": [own, other]}) == [own, other]


def test_standardised_log_probabilities(oracle):
    # One token at a time, from the least likely on: the running means of z in ascending order.
    z = sorted((2.950000, 2.666667, 3.021739, 1.800000, 2.904762))
    for count in range(1, 6):
        found = -SCORES["min_k_pp"](oracle, count / 5 + 1e-9)
        assert found == pytest.approx(sum(z[:count]) / count, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "k", "wanted"),
    [
        ("loss", 0.4, 0.71),
        ("min_k", 0.4, 1.5),
        ("min_k", 0.2, 2.3),
        ("min_k", 0.01, 2.3),  # one token at least
        ("min_k_pp", 0.4, -2.233333),
        ("min_k_pp", 0.2, -1.8),
    ],
)
def test_attack_scores(name, k, wanted, oracle):
    assert SCORES[name](oracle, k) == pytest.approx(wanted, abs=5e-7)


def test_zlib_divides_by_the_compressed_bytes(row, monkeypatch):
    monkeypatch.setattr("unharness_metrics.membership.zlib.compress", lambda text: b"x" * 45)
    found = SCORES["zlib"](row(text="The mill at Orrin stands by the river."), 0.4)
    assert found == pytest.approx(0.015778, abs=5e-7)


def auc(lower, upper):
    return float(auc_kernel(lower[:, None], upper[None, :]).mean()) / 100


def test_auc_oracle():
    import numpy

    forget, holdout = numpy.array([0.2, 0.5, 0.5, 1.0]), numpy.array([0.5, 0.9, 1.4])
    assert auc(forget, holdout) == pytest.approx(0.75)


def test_auc_against_a_holdout_and_against_the_retrained_model(nats, row, seen):
    holdout = nats(0.5, 0.9, 1.4, name="holdout")
    found = MembershipAUC().compute(nats(0.2, 0.5, 0.5, 1.0, against=holdout), {})
    assert found.value == pytest.approx(75.0)
    assert found.per_example == {"forget": [0.2, 0.5, 0.5, 1.0], "holdout": [0.5, 0.9, 1.4]}
    assert MembershipAUC().compute(nats(0.2), {}).value is None
    model, gold = nats(0.1, 0.2, 0.3), nats(0.2, 0.3, 0.4)
    found = RetrainedAUC().compute(model, {"retrained": [gold]})
    assert found.value == pytest.approx(100 * (3 + 2.5 + 1.5) / 9)
    pooled = RetrainedAUC().compute(model, {"retrained": [gold, model]})
    assert pooled.value == pytest.approx(found.value)  # the model itself is left out
    low, high = found.ci95
    assert 0 <= low <= found.value <= high <= 100


@pytest.mark.parametrize("score", SCORES)
def test_the_retrained_model_cannot_be_told_from_itself(score, nats):
    gold = nats(0.1, 0.5, 0.7)
    assert RetrainedAUC(score=score).compute(gold, {"retrained": [gold]}).value == 50.0


losses = st.lists(st.floats(0, 50), min_size=2, max_size=8)


@given(losses, losses, st.integers(0, 9))
def test_auc_has_bounds_turns_round_and_knows_no_order(one, other, seed):
    import numpy

    found = auc(numpy.array(one), numpy.array(other))
    assert 0 <= found <= 1
    assert auc(numpy.array(other), numpy.array(one)) == pytest.approx(1 - found)
    turned = random.Random(seed).sample(one, len(one))
    assert auc(numpy.array(turned), numpy.array(other)) == pytest.approx(found)


def test_divergence_counts_examples_the_same(seen):
    rows = [[(0.5, 1.5)], [None], [(4.0,)]]
    given = seen({}, ids="abc", others={Paired(): Observed.of_sequences("kl", rows)})
    found = Divergence().compute(given, {})
    assert found.per_example == {"forget": [1.0, None, 4.0]}
    assert (found.value, found.n_unscored) == (2.5, 1)
