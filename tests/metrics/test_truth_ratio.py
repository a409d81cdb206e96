"""Truth ratios and their aggregates."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness_metrics.likelihood import Probability
from unharness_metrics.truth_ratio import TruthRatio, log_truth_ratios

# reference/METRICS.md, section 12: nats of the right answer, and of the wrong ones.
ORACLES = [(0.9, (1.4, 2.1, 1.0, 3.2, 1.7)), (2.0, (0.5, 1.5))]


@pytest.fixture(scope="module")
def ratios(row, seen):
    def call(oracles, kind="paraphrase"):
        return seen(
            {
                kind: [[row((-right,))] for right, _ in oracles],
                "perturbed": [[row((-nats,)) for nats in wrong] for _, wrong in oracles],
            }
        )

    return call


@pytest.mark.parametrize(
    ("aggregate", "each", "mean"),
    [
        ("closer_to_1", (37.5311, 36.7879), 37.1595),
        ("true_better", (62.4689, 0.0), 31.2344),
        ("prob_mean", (72.7108, 26.8941), None),
    ],
)
def test_the_reference_s_oracles(aggregate, each, mean, ratios):
    for kind in ("paraphrase", "answer"):
        found = TruthRatio(aggregate=aggregate, correct=kind).compute(ratios(ORACLES, kind), {})
        assert found.per_example["forget"] == pytest.approx(list(each), abs=5e-5)
        assert mean is None or found.value == pytest.approx(mean, abs=5e-5)


def test_the_parts_of_the_oracles(row, value, ratios):
    right, wrong = ORACLES[0]
    parts = [value(Probability(), [row((-nats,))]) for nats in (right, math.fsum(wrong) / 5)]
    assert parts == pytest.approx([40.6570, 15.2590], abs=5e-5)
    found = [math.exp(log) for log in log_truth_ratios(ratios(ORACLES), "paraphrase")]
    assert found == pytest.approx([0.375311, 2.718282], abs=5e-7)


NATS = st.floats(0.0, 20.0)


@given(
    right=NATS,
    wrong=st.lists(NATS, min_size=1, max_size=6),
    mixed=st.randoms(),
    shift=st.floats(0.0, 5.0),
)
def test_the_order_of_wrong_answers_and_a_common_shift_change_nothing(
    ratios, right, wrong, mixed, shift
):
    shuffled = mixed.sample(wrong, len(wrong))
    kept = _aggregates(ratios([(right, wrong)]))
    assert _aggregates(ratios([(right, shuffled)])) == pytest.approx(kept, abs=1e-6)
    moved = _aggregates(ratios([(right + shift, [one + shift for one in wrong])]))
    assert moved == pytest.approx(kept, abs=1e-6)  # probabilities fall alike: their ratio stays
    assert all(0.0 <= one <= 100.0 for one in kept)


def _aggregates(given):
    return [
        TruthRatio(aggregate=name).compute(given, {}).value
        for name in ("closer_to_1", "true_better", "prob_mean")
    ]


def test_an_example_without_wrong_answers_is_not_scored(row, seen):
    given = seen({"paraphrase": [[row()], [None]], "perturbed": [[], [row()]]})
    found = TruthRatio().compute(given, {})
    assert (found.value, found.n_unscored) == (None, 2)


def test_extreme_ratios_stay_finite(row, seen):
    given = seen({"paraphrase": [[row((-5000.0,))]], "perturbed": [[row((0.0,))]]})
    for aggregate in ("closer_to_1", "true_better", "prob_mean"):
        found = TruthRatio(aggregate=aggregate).compute(given, {}).value
        assert math.isfinite(found)
        assert found == pytest.approx(0.0, abs=1e-9)


def test_wrong_answers_are_averaged_in_nats_and_not_as_probabilities(ratios):
    # reference/METRICS.md, section 12: the arithmetic mean of the paper's text gives other numbers.
    right, wrong = ORACLES[0]
    arithmetic = math.fsum(map(math.exp, (-nats for nats in wrong))) / len(wrong)
    assert arithmetic == pytest.approx(0.192076, abs=5e-7)
    other = arithmetic / math.exp(-right)
    assert (other, 1 / (1 + other)) == pytest.approx((0.472430, 0.679149), abs=5e-7)
    [ours] = [math.exp(one) for one in log_truth_ratios(ratios(ORACLES[:1]), "paraphrase")]
    assert ours * math.exp(-right) == pytest.approx(0.152590, abs=5e-7)
    assert (ours, 1 / (1 + ours)) == pytest.approx((0.375311, 0.727108), abs=5e-7)
