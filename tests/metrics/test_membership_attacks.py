"""Membership attacks: AUC, tails, and distance from the retrained model."""

import math
import random

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unharness import Observed, TokenScores
from unharness_metrics.gradient_norm import GradientNorm
from unharness_metrics.membership import SCORES
from unharness_metrics.membership_attacks import (
    SMIA,
    AttackAUC,
    AttackBalance,
    AttackTPR,
    PrivLeak,
    balance,
    privleak,
    relative,
    s_mia,
    tpr_at,
)
from unharness_metrics.references import NO_HOLDOUT

METRICS = (AttackAUC, AttackTPR, AttackBalance, PrivLeak, SMIA)


@pytest.mark.parametrize(
    ("auc", "gold", "leak", "uds", "ours"),
    [
        (0.95, 0.5, -90.0, 0.1, 0.1),
        (0.5, 0.5, 0.0, 1.0, 1.0),
        (0.2, 0.45, 45.454545, 0.444444, 0.545455),
        (0.9966, 0.3826, -99.449304, 0.0, 0.005507),
    ],
)
def test_oracles(auc, gold, leak, uds, ours):
    # reference/METRICS.md, section 12.
    assert privleak(100 * auc, 100 * gold) == pytest.approx(leak, abs=5e-6)
    assert s_mia(100 * auc, 100 * gold, "uds") == pytest.approx(100 * uds, abs=5e-5)
    assert s_mia(100 * auc, 100 * gold, "symmetric") == pytest.approx(100 * ours, abs=5e-5)


def test_chance_is_best_for_semeval_s_part():
    assert balance(62.0) == pytest.approx(76.0)
    assert (balance(50.0), balance(0.0), balance(100.0)) == (100.0, 0.0, 0.0)


def test_semeval_s_part_is_of_the_loss_unless_another_attack_is_asked_for(row, seen):
    # One token decides min-k, all of them the loss: the two order the answers differently.
    holdout = seen([row((-1.0, -1.0, -1.0))], name="holdout")
    given = seen([row((-2.0, -0.1, -0.1))], against=holdout)
    assert AttackBalance().params.attack == "loss"
    found = {name: AttackAUC(attack=name).compute(given, {}).value for name in ("loss", "min_k")}
    assert found == {"loss": 100.0, "min_k": 0.0}
    assert AttackBalance(attack="min_k").params.attack == "min_k"


@pytest.fixture(scope="session")
def model(row, seen):
    """model(forget losses, holdout losses) -> seen of both splits."""

    def call(own, other, **options):
        holdout = seen([row((-x,)) for x in other], name="holdout")
        return seen([row((-x,)) for x in own], against=holdout, **options)

    return call


def test_auc_oracle_by_every_attack_that_is_monotone_in_the_loss(model):
    given = model((0.2, 0.5, 0.5, 1.0), (0.5, 0.9, 1.4))
    for attack in ("loss", "min_k"):
        assert AttackAUC(attack=attack).compute(given, {}).value == pytest.approx(75.0)


def test_without_a_holdout_there_is_no_value_and_a_reason(row, seen):
    for metric in METRICS:
        found = metric().compute(seen([row()]), {"retrained": []})
        assert (found.value, found.reason) == (None, NO_HOLDOUT)


def test_nothing_scored_is_no_value(seen):
    empty = seen([None], against=seen([None], name="holdout"))
    for metric in METRICS:
        found = metric().compute(empty, {"retrained": [empty]})
        assert found.value is None
        assert found.reason


def test_against_the_retrained_model(model):
    own = model((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))  # AUC 100
    gold = model((0.1, 0.6, 0.9), (0.5, 0.6, 0.7))  # AUC of 3 + 1.5 + 0 of 9: 50
    retrained = {"retrained": [gold]}
    assert PrivLeak(attack="loss").compute(own, retrained).value == pytest.approx(-100.0)
    assert PrivLeak(attack="loss").compute(gold, retrained).value == 0.0
    found = PrivLeak(attack="loss", of="auc").compute(own, retrained).value
    assert found == pytest.approx(100.0) == relative(100.0, 50.0)
    assert SMIA(attack="loss").compute(own, retrained).value == pytest.approx(0.0)
    assert SMIA(attack="loss").compute(gold, retrained).value == pytest.approx(100.0)
    both = {"retrained": [gold, own]}
    assert SMIA(attack="loss").compute(gold, both).value == pytest.approx(50.0)  # the other seed


def test_a_published_auc_needs_no_retrained_row(model):
    metric = PrivLeak(attack="loss", published=0.4772)
    assert metric.references == frozenset()
    found = metric.compute(model((0.1, 0.2), (0.5, 0.6)), {}).value
    assert found == pytest.approx(-100.0)
    same = model((0.5, 0.6), (0.5, 0.6))
    assert metric.compute(same, {}).value == pytest.approx(100 * (0.5 - 0.4772) / 0.4772)


def test_the_reference_attack_subtracts_the_other_model_s_loss(model):
    metric = AttackAUC(attack="reference", reference="base")
    assert metric.references == {"base"}
    own = model((1.0, 2.0, 3.0), (1.5, 2.5, 3.5))
    base = model((2.0, 3.0, 4.0), (1.5, 2.5, 3.5))
    found = metric.compute(own, {"base": [base]})
    assert found.per_example == {"forget": [-1.0] * 3, "holdout": [0.0] * 3}
    assert found.value == 100.0
    assert metric.compute(own, {"base": [base, own]}).per_example["forget"] == [-0.5] * 3
    assert PrivLeak(attack="reference").references == {"base", "retrained"}


def test_an_example_that_the_reference_model_has_not_scored_is_unscored(row, seen, model):
    own = model((1.0, 2.0), (1.5,))
    base = seen([row((-1.0,)), None], against=seen([row((-1.0,))], name="holdout"))
    found = AttackAUC(attack="reference").compute(own, {"base": [base]})
    assert found.per_example["forget"] == [0.0, None]


def test_gradients(seen, row):
    def norms(name, values, **options):
        observed = {GradientNorm(): Observed({"norms": numpy.array(values)})}
        return seen([row() for _ in values], name=name, others=observed, **options)

    given = norms("forget", [0.1, math.nan, 0.2], against=norms("holdout", [0.3, 0.15]))
    found = AttackAUC(attack="gradnorm").compute(given, {})
    assert found.value == pytest.approx(75.0)
    assert found.per_example["forget"] == [0.1, None, 0.2]


@pytest.mark.parametrize(
    ("members", "others", "fpr", "wanted"),
    [
        ([1, 2, 3, 4], range(3, 103), 0.01, 0.75),  # the lowest of 100 may be taken for a member
        ([1, 2, 3, 4], range(3, 53), 0.01, 0.5),  # of 50 none may
        ([3, 3, 3], [3] * 100, 0.01, 0.0),
        ([5, 6], [1, 2], 0.0, 0.0),
        ([0, 0], [1, 2], 0.0, 1.0),
    ],
)
def test_tpr(members, others, fpr, wanted):
    found = tpr_at(numpy.array(members, float), numpy.array([*others], float), fpr)
    assert found == wanted


scores = st.lists(st.floats(0, 20), min_size=2, max_size=9)


@settings(max_examples=8)
@given(own=scores, other=scores)
def test_bounds_and_order(model, own, other):
    given = model(own, other)
    gold = {"retrained": [model(other, own)]}
    turned = model(own[::-1], other[::-1])
    for metric in METRICS:
        one = metric(attack="loss")
        value = one.compute(given, gold).value
        assert value is not None
        assert one.compute(turned, gold).value == pytest.approx(value)
        if metric is not PrivLeak:
            assert -1e-9 <= value <= 100 + 1e-9
        else:
            assert value >= -100 - 1e-6


@settings(max_examples=20)
@given(
    tokens=st.lists(
        st.tuples(st.floats(-30, 0), st.floats(-9, -1), st.floats(0, 9)), min_size=1, max_size=8
    ),
    seed=st.integers(0, 9),
)
@pytest.mark.parametrize("name", SCORES)
def test_scores_of_an_answer_know_no_order_of_its_tokens(name, tokens, seed):
    def score(given):
        log_probs, means, variances = zip(*given, strict=True)
        hits = (True,) * len(given)
        row = TokenScores(log_probs, hits, means, variances, "", "", False, 0)
        return SCORES[name](row, 0.4)

    turned = random.Random(seed).sample(tokens, len(tokens))
    assert score(turned) == pytest.approx(score(tokens), rel=1e-9, abs=1e-9)
