"""Options, choices and paraphrases."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Choices, Example, Likelihood, Observed, Seen, Split
from unharness_metrics.options import ChoiceAccuracy, OptionProbability, option_share
from unharness_metrics.paraphrase import ParaphraseProbability


def test_option_oracle(row, seen):
    # reference/METRICS.md, section 12.
    nats = [-math.log(p) for p in (0.12, 0.05, 0.02, 0.01)]
    assert option_share(nats[0], nats[1:]) == pytest.approx(0.6, abs=5e-7)
    right, *wrong = [row((-one,)) for one in nats]
    given = seen({"answer": [[right]], "perturbed": [wrong]})
    assert OptionProbability().compute(given, {}).value == pytest.approx(60.0, abs=5e-5)
    assert option_share(5000.0, [0.0]) == pytest.approx(0.0, abs=1e-9)


NATS = st.floats(0.0, 20.0)


@given(NATS, st.lists(NATS, min_size=1, max_size=6), st.randoms(), st.floats(0.0, 100.0))
def test_shares_of_options_add_up_whatever_their_order(right, wrong, mixed, shift):
    share = option_share(right, wrong)
    assert option_share(right, mixed.sample(wrong, len(wrong))) == pytest.approx(share, abs=1e-9)
    moved = option_share(right + shift, [one + shift for one in wrong])
    assert moved == pytest.approx(share, abs=1e-9)
    options = [right, *wrong]
    every = [
        option_share(options[at], options[:at] + options[at + 1 :]) for at in range(len(options))
    ]
    assert math.fsum(every) == pytest.approx(1.0)


def test_an_option_that_was_not_scored_leaves_the_example_unscored(row, seen):
    given = seen({"answer": [[row()], [None], [row()]], "perturbed": [[row(), None], [row()], []]})
    found = OptionProbability().compute(given, {})
    assert (found.value, found.n_unscored) == (None, 3)


@pytest.fixture
def chosen(row):
    def call(*examples):
        """Choices as (log-probabilities by choice, gold); None: not scored."""
        rows = [[row(one) if one else None for one in options] for options, _ in examples]
        split = Split(
            "quiz",
            "utility",
            "choice",
            examples=tuple(
                Example(str(at), "?", "!", choices=("a" * 2, "b" * 8)[: len(one)], gold=gold)
                for at, (one, gold) in enumerate(examples)
            ),
        )
        return Seen(split, {Choices(): Observed.of_tokens(rows)})

    return call


def test_choices_by_mean_sum_and_characters(chosen):
    # Sums -2 and -3; means -2 and -1.5; a character -1 and -0.375.
    seen = chosen((((-2.0,), (-1.5, -1.5)), 1))
    assert ChoiceAccuracy().compute(seen, {}).value == 100.0
    assert ChoiceAccuracy(by="sum").compute(seen, {}).value == 0.0
    assert ChoiceAccuracy(by="characters").compute(seen, {}).value == 100.0
    share = OptionProbability(options="choices").compute(seen, {}).value
    assert share == pytest.approx(100 / (1 + math.exp(-0.5)))


def test_choices_that_cannot_be_judged_are_unscored(chosen):
    seen = chosen((((-1.0,), None), 0), (((-1.0,), (-2.0,)), None), (((-1.0,), (-2.0,)), 0))
    for metric in (ChoiceAccuracy(), OptionProbability(options="choices")):
        found = metric.compute(seen, {})
        assert (found.n, found.n_unscored) == (1, 2)


def test_paraphrases_are_averaged_by_example(row, seen):
    given = seen({"paraphrase": [[row((-1.0,)), row((-2.0,)), None], [], [None]]})
    found = ParaphraseProbability().compute(given, {})
    assert found.value == pytest.approx(50 * (math.exp(-1) + math.exp(-2)))
    assert (found.n, found.n_unscored) == (1, 2)
    asked = ParaphraseProbability(prompt="paraphrase", answer="answer").observes()
    assert asked == Likelihood(("paraphrase",), ("answer",))
