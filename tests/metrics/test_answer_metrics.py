"""Metrics of the own answer under teacher forcing: the reference's oracles, and what must hold."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Example, Likelihood, Observed, Seen, Split, TokenScores
from unharness_metrics.answers import OLD_OBSERVATIONS
from unharness_metrics.likelihood import AnswerNats, Probability
from unharness_metrics.memorisation import ExactMemorisation, ExtractionStrength
from unharness_metrics.teacher_forced import TokenAccuracy

METRICS = (ExactMemorisation, ExtractionStrength, Probability, AnswerNats)


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        (AnswerNats, 0.710000),
        (Probability, 49.1644),
        (ExactMemorisation, 60.0000),
        (ExtractionStrength, 20.0000),
    ],
)
def test_oracle_a(metric, wanted, oracle, value):
    assert value(metric(), [oracle]) == pytest.approx(wanted, abs=5e-5)


def test_a_long_answer_is_not_less_likely_for_its_length(value, oracle):
    # reference/METRICS.md, section 12: the probability of the whole answer is another number.
    whole = math.exp(sum(oracle.log_probs))
    assert whole == pytest.approx(0.028725, abs=5e-7)
    found = value(Probability(), [oracle])
    assert found == pytest.approx(100 * whole ** (1 / len(oracle.log_probs)))


def test_probabilities_are_averaged_over_examples(oracle, row, value):
    # exp(-0.71) and exp(-0.2): means of examples, not of tokens.
    found = value(Probability(), [oracle, row((-0.2, -0.2))])
    assert found == pytest.approx(65.5187, abs=5e-5)


@pytest.mark.parametrize(
    ("hits", "wanted"), [("xxxx", 100.0), ("x.xx", 50.0), ("xxx.", 0.0), ("....", 0.0)]
)
def test_extraction_strength_is_the_longest_suffix_of_hits(hits, wanted, row, value):
    assert value(ExtractionStrength(), [row(hits=hits)]) == pytest.approx(wanted)


def test_the_blank_line_before_an_answer_can_be_left_out(row, seen):
    rows = [row((-0.1, -0.1, -1.0, -3.0), "xx.x", blanks=2), row((-2.0,), "x", blanks=0)]
    whole = ExactMemorisation().compute(seen(rows), {})
    own = ExactMemorisation(tokens="answer").compute(seen(rows), {})
    assert whole.per_example == {"forget": [75.0, 100.0]}
    assert own.per_example == {"forget": [50.0, 100.0]}
    nats = AnswerNats(tokens="answer").compute(seen(rows), {})
    assert nats.per_example == {"forget": [2.0, 2.0]}


def test_an_answer_of_white_space_alone_is_not_scored_without_it(row, seen):
    found = ExactMemorisation(tokens="answer").compute(seen([row(hits="xx", blanks=2)]), {})
    assert (found.value, found.n, found.n_unscored) == (None, 0, 1)


def test_where_the_answer_begins_is_unknown_in_older_observations(row, seen):
    rows = [row(hits="xx.", blanks=None)]
    found = ExactMemorisation(tokens="answer").compute(seen(rows), {})
    assert (found.value, found.reason) == (None, OLD_OBSERVATIONS)
    assert ExactMemorisation().compute(seen(rows), {}).value == pytest.approx(200 / 3)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_scored_is_no_value(metric, seen):
    found = metric().compute(seen([None, None]), {})
    assert (found.value, found.n, found.n_unscored) == (None, 0, 2)
    assert found.reason == "no example could be scored"


answers = st.lists(st.tuples(st.floats(-60, 0), st.booleans()), min_size=1, max_size=6)


def seen_of(given):
    rows = [
        TokenScores(
            tuple(log_prob for log_prob, _ in one),
            tuple(hit for _, hit in one),
            *((0.0,) * len(one), (1.0,) * len(one), "", "", False, 0),
        )
        for one in given
    ]
    examples = tuple(Example(str(at), "?", "!") for at in range(len(rows)))
    observed = {Likelihood(): Observed.of_tokens([[row] for row in rows])}
    return Seen(Split("s", "forget", examples=examples), observed)


@given(given=st.lists(answers, min_size=1, max_size=6), seed=st.integers(0, 9))
def test_bounds_and_order(given, seed):
    turned = random.Random(seed).sample(given, len(given))
    found = {metric: metric().compute(seen_of(given), {}).value for metric in METRICS}
    for metric, value in found.items():
        again = metric().compute(seen_of(turned), {}).value
        assert again == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert 0 <= value <= (math.inf if metric is AnswerNats else 100 + 1e-9)
    assert found[ExtractionStrength] <= found[ExactMemorisation] + 1e-9
    same = TokenAccuracy().compute(seen_of(given), {}).value
    assert same == pytest.approx(found[ExactMemorisation])
