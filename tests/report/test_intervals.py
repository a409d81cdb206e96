import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unharness.report.intervals import (
    Piece,
    Runs,
    Sampled,
    Uncertain,
    components,
    difference,
    holm,
    paired,
)


def row(scores, keys=None):
    """A row whose runs are means of the same questions; scores (K, n) in %."""
    scores = numpy.asarray(scores, dtype=float)
    values = scores.mean(axis=1)
    influence = (scores - values[:, None]) / scores.shape[1]
    keys = keys or tuple((0, seed) for seed in range(len(scores)))
    return Sampled(tuple(keys), values, {"split": influence})


def draw(seed, runs=3, questions=50, spread=(2.0, 10.0, 3.0)):
    rng = numpy.random.default_rng(seed)
    of_run, of_question, rest = spread
    return (
        60
        + rng.normal(0, of_run, (runs, 1))
        + rng.normal(0, of_question, questions)
        + rng.normal(0, rest, (runs, questions))
    )


def test_one_run_has_the_t_interval_over_its_questions():
    scores = draw(0, runs=1)
    low, high = row(scores).estimate().interval()
    expected = stats.t.interval(0.95, 49, scores.mean(), stats.sem(scores[0]))
    assert (low, high) == pytest.approx(expected)


def test_runs_without_questions_have_the_t_interval_over_the_runs():
    values = numpy.array([51.0, 55.0, 53.0, 58.0])
    found = Sampled(tuple((0, s) for s in range(4)), values).estimate().interval()
    assert found == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)))


def test_the_variance_is_that_of_two_crossed_factors():
    # Cornfield and Tukey 1956: (MS runs + MS questions - MS both) / (K n).
    scores = draw(3, runs=4, questions=30)
    runs, questions = scores.shape
    mean, by_run, by_question = scores.mean(), scores.mean(1), scores.mean(0)
    rest = scores - by_run[:, None] - by_question + mean
    of_runs = questions * ((by_run - mean) ** 2).sum() / (runs - 1)
    of_questions = runs * ((by_question - mean) ** 2).sum() / (questions - 1)
    of_both = (rest**2).sum() / ((runs - 1) * (questions - 1))
    expected = (of_runs + of_questions - of_both) / (runs * questions)
    found = row(scores).estimate()
    assert sum(piece.variance for piece in found.pieces) == pytest.approx(expected)


def test_what_all_rows_share_cancels_in_a_difference():
    scores = draw(1, spread=(0.0, 20.0, 1.0))
    other = scores + 5.0
    found = difference(row(other), row(scores))
    assert found.value == pytest.approx(5.0)
    assert found.interval() == pytest.approx((5.0, 5.0))
    assert found.p_value() < 1e-6


def test_rows_without_a_common_seed_are_compared_as_independent():
    first = row(draw(1), keys=((0, 0), (0, 1), (0, 2)))
    second = row(draw(1), keys=((0, 7), (0, 8), (0, 9)))
    low, high = difference(first, second).interval()
    assert low < 0.0 < high


def test_a_model_without_seeds_is_paired_with_every_seed_of_its_target():
    base = row(draw(1, runs=1))
    method = row(draw(2, runs=3))
    found = difference(method, base)
    assert found.value == pytest.approx(method.value - base.value)
    assert [piece.source for piece in found.pieces] == ["seeds", "questions"]


def test_a_base_model_is_paired_with_runs_on_every_target():
    base = row(draw(1, runs=1))
    method = row(draw(2, runs=4), keys=((1, 0), (1, 1), (2, 0), (2, 1)))
    assert paired(method.keys, base.keys) == tuple((at, 0) for at in range(4))
    assert difference(method, base).value == pytest.approx(method.value - base.value)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 100.0), st.lists(st.floats(0.0, 400.0), min_size=1, max_size=4))
def test_an_interval_of_a_percentage_stays_between_0_and_100(value, variances):
    pieces = tuple(Piece("questions", variance, 20) for variance in variances)
    low, high = Uncertain(value, pieces).percent_interval()
    assert 0.0 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 100.0


def test_equal_answers_of_all_questions_do_not_make_it_certain():
    low, high = row(numpy.full((1, 110), 100.0)).estimate().percent_interval()
    assert high == 100.0
    assert low == pytest.approx(100 * 0.025 ** (1 / 110))  # Clopper and Pearson's


def test_the_p_value_is_that_of_the_t_test_for_one_source():
    values = numpy.array([1.0, 3.0, 2.0, 4.5, 2.5])
    found = Sampled(tuple((0, s) for s in range(5)), values).estimate()
    assert found.p_value() == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=1e-6)


def test_target_seeds_vary_too():
    keys = [(target, seed) for target in range(3) for seed in range(4)]
    values = numpy.array([50.0 + 10 * target + 0.1 * seed for target, seed in keys])
    [piece] = Runs.of(keys, values).pieces()
    assert (piece.source, piece.freedom) == ("targets", 2)
    assert piece.variance == pytest.approx(100.0 / 3)
    found = components(Sampled(tuple(keys), values))
    assert found["targets"] == pytest.approx(10.0, rel=0.01)
    assert found["seeds"] == pytest.approx(float(numpy.std([0, 0.1, 0.2, 0.3], ddof=1)))
    assert found["questions"] is None


def test_targets_that_differ_no_more_than_their_seeds_are_one_sample():
    keys = [(target, seed) for target in range(2) for seed in range(3)]
    values = numpy.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    [piece] = Runs.of(keys, values).pieces()
    assert (piece.source, piece.freedom) == ("seeds", 5)
    assert piece.variance == pytest.approx(values.var(ddof=1) / 6)


def test_nothing_known_gives_no_interval():
    found = Sampled(((0, 0),), numpy.array([5.0]), question_errors=numpy.array([math.nan]))
    assert found.estimate().interval() is None
    assert found.estimate().p_value() is None


def test_holm_s_adjusted_p_values():
    # Holm 1979; as statsmodels' multipletests(method="holm") gives them.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("value", [-5.0, 120.0])
def test_a_value_outside_the_percentages_keeps_its_interval(value):
    low, high = Uncertain(value, (Piece("questions", 1.0, 10_000),)).percent_interval()
    assert low < value < high


def test_of_several_splits_without_a_miss_the_shortest_says_what_is_left_open():
    pieces = (Piece("questions", 0.0, 9), Piece("questions", 0.0, 999))
    low, _ = Uncertain(100.0, pieces).percent_interval()
    assert low == pytest.approx(100 * 0.025 ** (1 / 10))


def test_one_common_run_of_several_says_nothing_of_the_others():
    questions = numpy.random.default_rng(0).normal(0, 1, 50)

    def runs(means, seeds):
        return row([questions + mean for mean in means], [(0, seed) for seed in seeds])

    first, second = runs((50, 90, 91), (0, 1, 2)), runs((60, 61, 62), (0, 5, 6))
    found = difference(first, second)
    assert found.value == pytest.approx(first.value - second.value)
    low, high = found.interval()
    assert low < 0 < high


def test_a_split_with_one_group_has_no_component_that_json_cannot_hold():
    keys = ((0, 0), (0, 1))
    found = components(Sampled(keys, numpy.array([1.0, 3.0]), {"a": numpy.zeros((2, 1))}))
    assert found["questions"] is None


def test_retrained_models_that_two_rows_do_not_share_count_for_both():
    def against(count):
        left_out = numpy.linspace(-1, 1, count)[None, :]
        return Sampled(((0, 0),), numpy.array([50.0]), retrained=left_out)

    sources = [piece.freedom for piece in difference(against(3), against(2)).pieces]
    assert sources == [2, 1]
    assert len(difference(against(3), against(3)).pieces) == 1
