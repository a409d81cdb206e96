"""The metrics on observations made by hand."""

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unharness import Example, Observations, Score, TokenScores
from unharness.evaluation import metrics as module
from unharness.evaluation.metric import Metric
from unharness.evaluation.metrics import (
    RetentionPerplexity,
    RetentionRougeL,
    RetentionRougeLForced,
    RetentionSuccess,
    SuccessAverage,
    UnlearnPerplexity,
    UnlearnRougeL,
    UnlearnRougeLForced,
    UnlearnSuccess,
    rouge_l,
)
from unharness.evaluation.observations import SplitObservations

ALL = [
    value
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Metric) and "name" in vars(value)
]


def _row(hits: str, log_probs: list[float] | None = None, said: str = "", true: str = "") -> Any:
    """One example's scores; hits such as "x.x": hit, miss, hit."""
    numbers = tuple(log_probs or [-1.0] * len(hits))
    zeros = (0.0,) * len(hits)
    return TokenScores(numbers, tuple(h == "x" for h in hits), zeros, zeros, said, true, False)


def _seen(
    forget: list[Any], retain: list[Any], generated: tuple[list[str], list[str]] | None = None
) -> Observations:
    def split(name: str, rows: list[Any], texts: list[str] | None) -> SplitObservations:
        examples = [Example(str(n), f"{name} {n}?", f"the answer {n}") for n in range(len(rows))]
        return SplitObservations(examples, rows, texts)

    texts = generated or (None, None)
    return Observations(
        {
            "forget_eval": split("f", forget, texts[0]),
            "retain_eval": split("r", retain, texts[1]),
        }
    )


def test_success_by_hand():
    # Accuracies of the forget set: 2/4 and 0/2, mean 25%: success 75. Of the retain set: 3/4 and
    # 1/1, mean 87.5: examples count the same, however long. Their mean: 81.25.
    seen = _seen([_row("x..x"), _row("..")], [_row("xxx."), _row("x")])
    assert UnlearnSuccess().compute(seen).value == pytest.approx(75.0)
    assert RetentionSuccess().compute(seen).value == pytest.approx(87.5)
    average = SuccessAverage().compute(seen)
    assert average.value == pytest.approx(81.25)
    assert average.per_example == {"forget_eval": [50.0, 100.0], "retain_eval": [75.0, 100.0]}
    assert (average.n, average.n_unscored) == (4, 0)


def test_perplexity_by_hand():
    # Mean log-probabilities -1 (of -0.5 and -1.5) and -3: exp(-mean(-1, -3)) = e^2. The mean of
    # the two perplexities would be (e + e^3) / 2, that over all tokens exp(5/3).
    rows = [_row("xx", [-0.5, -1.5]), _row("x", [-3.0])]
    forget = UnlearnPerplexity().compute(_seen(rows, [_row("x")]))
    assert forget.value == pytest.approx(math.exp(2), rel=1e-12)
    assert forget.per_example == {"forget_eval": [-1.0, -3.0]}
    retain = RetentionPerplexity().compute(_seen([_row("x")], rows))
    assert retain.value == pytest.approx(math.exp(2), rel=1e-12)
    assert retain.ci95 is not None
    assert math.e - 1e-9 <= retain.ci95[0] <= retain.ci95[1] <= math.exp(3) + 1e-9


def test_an_impossible_token_gives_a_huge_perplexity_and_no_nan():
    rows = [_row("x", [-math.inf]), _row("x", [-1.0]), _row("x", [-1.0])]
    score = UnlearnPerplexity().compute(_seen(rows, [_row("x")]))
    _assert_json_holds(score)


@pytest.mark.parametrize("spread", [0.0, 300.0])
def test_a_perplexity_too_large_for_a_float_is_cut_off(spread: float):
    rows = [_row("x", [-2000.0 + n * spread]) for n in range(5)]
    score = UnlearnPerplexity().compute(_seen(rows, [_row("x")]))
    assert score.value == pytest.approx(math.exp(700))
    _assert_json_holds(score)


def test_large_perplexities_whose_squares_overflow_have_no_standard_error():
    score = UnlearnPerplexity().compute(_seen([_row("x", [-400.0]), _row("x", [-500.0])], []))
    assert score.value == pytest.approx(math.exp(450), rel=1e-9)
    assert score.stderr is None
    _assert_json_holds(score)


def _assert_json_holds(score: Score) -> None:
    """JSON knows neither infinity nor NaN, and a record that holds one cannot be written."""
    json.dumps([score.value, score.ci95, score.stderr], allow_nan=False)


def test_rouge_by_hand():
    # Words in common, in order: "the answer" out of 3 expected and 4 said: P 2/4, R 2/3, F 4/7.
    assert rouge_l("the answer 0", "the only answer here") == pytest.approx(100 * 4 / 7)
    assert rouge_l("the answer 0", "The ANSWER, 0!") == pytest.approx(100.0)
    assert rouge_l("the answer 0", "") == 0.0
    assert rouge_l("a b c d", "d c b a") == pytest.approx(25.0)


def test_generated_rouge_is_of_texts_and_forced_rouge_of_the_most_likely_tokens():
    rows = [_row("x", said="the answer", true="the answer"), _row("x", said="no", true="yes")]
    texts = ["the answer 0", "something else"]
    seen = _seen(rows, rows, (texts, texts))
    for metric in (UnlearnRougeLForced, RetentionRougeLForced, UnlearnRougeL, RetentionRougeL):
        score = metric().compute(seen)
        assert score.value == pytest.approx(50.0)
        assert list(score.per_example.values()) == [[100.0, 0.0]]


def test_unscored_examples_are_counted_not_guessed():
    seen = _seen([_row("x."), None, _row("..")], [None, _row("x")])
    forget = UnlearnSuccess().compute(seen)
    assert (forget.value, forget.n, forget.n_unscored) == (75.0, 2, 1)
    assert forget.per_example == {"forget_eval": [50.0, None, 100.0]}
    average = SuccessAverage().compute(seen)
    assert (average.value, average.n, average.n_unscored) == (87.5, 3, 2)
    assert average.ci95 is None  # a single example of the retain set


TOKEN_METRICS = [metric for metric in ALL if metric.needs[0][0] == "token_scores"]


@pytest.mark.parametrize("metric", TOKEN_METRICS)
def test_nothing_scored_gives_no_value_and_says_so(metric: Any):
    score = metric().compute(_seen([None, None], [None]))
    assert score.value is None
    assert (score.ci95, score.stderr, score.n) == (None, None, 0)
    assert score.reason == "no example could be scored"
    splits = {split for _, split in metric.needs}
    assert score.n_unscored == sum({"forget_eval": 2, "retain_eval": 1}[s] for s in splits)


def test_one_half_alone_is_no_average():
    assert SuccessAverage().compute(_seen([None], [_row("x")])).value is None
    assert SuccessAverage().compute(_seen([_row("x")], [None])).value is None


@pytest.mark.parametrize("metric", ALL)
def test_one_example_has_no_interval(metric: Any):
    row = _row("x.", said="a", true="a b")
    score = metric().compute(_seen([row], [row], (["the"], ["the"])))
    assert score.value is not None
    assert (score.ci95, score.stderr) == (None, None)


@pytest.mark.parametrize("metric", ALL)
def test_every_metric_is_described_and_needs_what_it_reads(metric: Any):
    assert metric.unit
    assert metric.summary
    assert metric.direction in ("higher", "lower")
    row = _row("x.", said="a", true="a b")
    seen = _seen([row] * 2, [row] * 2, (["the"] * 2, ["the"] * 2))
    score = metric().compute(seen)
    assert set(score.per_example) == {split for _, split in metric.needs}
    assert score.n == 2 * len(metric.needs)


rows = st.builds(
    _row,
    hits=st.text("x.", min_size=1, max_size=6),
    said=st.text("ab ", max_size=5),
    true=st.text("ab ", min_size=1, max_size=5),
)
columns = st.lists(rows | st.none(), min_size=1, max_size=8).filter(lambda c: any(c))


@settings(max_examples=25)
@given(forget=columns, retain=columns, seed=st.integers(0, 99))
def test_bounds_average_and_order(forget: list[Any], retain: list[Any], seed: int):
    texts = ([("the answer" if n % 2 else "x") for n in range(len(c))] for c in (forget, retain))
    seen = _seen(forget, retain, tuple(texts))  # type: ignore[arg-type]
    scores: dict[str, Score] = {metric.name: metric().compute(seen) for metric in ALL}
    for metric in ALL:
        score = scores[metric.name]
        assert score.value is not None
        if metric.unit == "%":
            assert 0 <= score.value <= 100
            assert all(0 <= end <= 100 for end in score.ci95 or ())
        else:
            assert score.value >= 1
        assert score.n + score.n_unscored == sum(
            len({"forget_eval": forget, "retain_eval": retain}[split]) for _, split in metric.needs
        )
    mean = (scores["unlearn_success"].value + scores["retention_success"].value) / 2  # type: ignore[operator]
    assert scores["success_avg"].value == pytest.approx(mean, abs=1e-9)
    order = random.Random(seed)
    turned = _seen(order.sample(forget, len(forget)), order.sample(retain, len(retain)))
    for metric in TOKEN_METRICS:
        value = metric().compute(turned).value
        assert value == pytest.approx(scores[metric.name].value, rel=1e-9, abs=1e-9)
