"""The built-in metrics, and KnowUnDo's columns of them, on observations made by hand."""

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unharness import (
    Example,
    Generated,
    Likelihood,
    Observed,
    Score,
    Split,
    TokenScores,
    rouge_l_f1,
)
from unharness.evaluation.columns import CompositeColumn, resolve_columns
from unharness.evaluation.scoring import Observations, score
from unharness.registry import registry
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

SPLITS = {"forget_eval": "forget", "retain_eval": "retain"}
LABELS = [
    "unlearn_success",
    "retention_success",
    "success_avg",
    "unlearn_ppl",
    "retention_ppl",
    "unlearn_rouge_l_forced",
    "retention_rouge_l_forced",
    "unlearn_rouge_l",
    "retention_rouge_l",
]
TOKEN_LABELS = [label for label in LABELS if not label.endswith("_rouge_l")]


def _row(hits: str, log_probs: list[float] | None = None, said: str = "", true: str = "") -> Any:
    """One example's scores; hits such as "x.x": hit, miss, hit."""
    numbers = tuple(log_probs or [-1.0] * len(hits))
    zeros = (0.0,) * len(hits)
    return TokenScores(numbers, tuple(h == "x" for h in hits), zeros, zeros, said, true, False)


def _scores(
    forget: list[Any], retain: list[Any], generated: tuple[list[str], list[str]] | None = None
) -> dict[str, Score]:
    """KnowUnDo's columns, by label."""
    splits, observed = {}, {}
    texts = generated or ([""] * len(forget), [""] * len(retain))
    for (name, role), rows, said in zip(SPLITS.items(), (forget, retain), texts, strict=True):
        examples = [Example(str(n), f"{name} {n}?", f"the answer {n}") for n in range(len(rows))]
        splits[name] = Split(name, role, examples=tuple(examples))  # type: ignore[arg-type]
        observed[name, Likelihood()] = Observed.of_tokens([[row] for row in rows])
        observed[name, Generated()] = Observed(texts={"samples": [[text] for text in said]})
    columns = resolve_columns(KnowUnDoPrivacy.metrics, splits, registry())
    columns = tuple(one for one in columns if isinstance(one, CompositeColumn) or not one.detail)
    found = score(columns, Observations(splits, observed), registry())  # type: ignore[arg-type]
    assert list(found) == LABELS
    return found


def test_success_by_hand():
    # Accuracies of the forget set: 2/4 and 0/2, mean 25%: success 75. Of the retain set: 3/4 and
    # 1/1, mean 87.5: examples count the same, however long. Their mean: 81.25.
    found = _scores([_row("x..x"), _row("..")], [_row("xxx."), _row("x")])
    assert found["unlearn_success"].value == pytest.approx(75.0, abs=1e-9)
    assert found["retention_success"].value == pytest.approx(87.5, abs=1e-9)
    average = found["success_avg"]
    assert average.value == pytest.approx(81.25, abs=1e-9)
    assert average.per_example == {"forget_eval": [50.0, 100.0], "retain_eval": [75.0, 100.0]}
    assert (average.n, average.n_unscored) == (4, 0)


def test_perplexity_by_hand():
    # Mean log-probabilities -1 (of -0.5 and -1.5) and -3: exp(-mean(-1, -3)) = e^2. The mean of
    # the two perplexities would be (e + e^3) / 2, that over all tokens exp(5/3).
    rows = [_row("xx", [-0.5, -1.5]), _row("x", [-3.0])]
    found = _scores(rows, rows)
    forget, retain = found["unlearn_ppl"], found["retention_ppl"]
    assert forget.value == pytest.approx(math.exp(2), rel=1e-12)
    assert forget.per_example == {"forget_eval": [-1.0, -3.0]}
    assert retain.value == pytest.approx(math.exp(2), rel=1e-12)
    assert retain.ci95 is not None
    assert math.e - 1e-9 <= retain.ci95[0] <= retain.ci95[1] <= math.exp(3) + 1e-9


def test_the_oracle_of_the_reference():
    # reference/METRICS.md, section 12, A: five tokens.
    row = _row("x.x.x", [-0.1, -0.7, -0.05, -2.3, -0.4])
    found = _scores([row], [row])
    assert found["unlearn_ppl"].value == pytest.approx(2.033991, abs=1e-6)
    assert found["retention_success"].value == pytest.approx(60.0, abs=1e-9)


def test_an_impossible_token_gives_a_huge_perplexity_and_no_nan():
    rows = [_row("x", [-1e308]), _row("x", [-1.0]), _row("x", [-1.0])]
    found = _scores(rows, [_row("x")])["unlearn_ppl"]
    assert found.value == pytest.approx(math.exp(700))
    _assert_json_holds(found)


@pytest.mark.parametrize("spread", [0.0, 300.0])
def test_a_perplexity_too_large_for_a_float_is_cut_off(spread: float):
    rows = [_row("x", [-2000.0 + n * spread]) for n in range(5)]
    found = _scores(rows, [_row("x")])["unlearn_ppl"]
    assert found.value == pytest.approx(math.exp(700))
    _assert_json_holds(found)


def test_large_perplexities_whose_squares_overflow_have_no_standard_error():
    rows = [_row("x", [-400.0]), _row("x", [-500.0])]
    found = _scores(rows, [_row("x")])["unlearn_ppl"]
    assert found.value == pytest.approx(math.exp(450), rel=1e-9)
    assert found.stderr is None
    _assert_json_holds(found)


def _assert_json_holds(found: Score) -> None:
    """JSON knows neither infinity nor NaN, and a record that holds one cannot be written."""
    json.dumps([found.value, found.ci95, found.stderr], allow_nan=False)


def test_rouge_by_hand():
    # Words in common, in order: "the answer" out of 3 expected and 4 said: P 2/4, R 2/3, F 4/7.
    assert rouge_l_f1("the answer 0", "the only answer here") == pytest.approx(100 * 4 / 7)
    assert rouge_l_f1("the answer 0", "The ANSWER, 0!") == pytest.approx(100.0)
    assert rouge_l_f1("the answer 0", "") == 0.0
    assert rouge_l_f1("a b c d", "d c b a") == pytest.approx(25.0)


def test_generated_rouge_is_of_texts_and_forced_rouge_of_the_most_likely_tokens():
    rows = [_row("x", said="the answer", true="the answer"), _row("x", said="no", true="yes")]
    texts = ["the answer 0", "something else"]
    found = _scores(rows, rows, (texts, texts))
    for label in LABELS[5:]:
        assert found[label].value == pytest.approx(50.0, abs=1e-9)
        assert list(found[label].per_example.values()) == [[100.0, 0.0]]


def test_unscored_examples_are_counted_not_guessed():
    found = _scores([_row("x."), None, _row("..")], [None, _row("x")])
    forget = found["unlearn_success"]
    assert (forget.value, forget.n, forget.n_unscored) == (75.0, 2, 1)
    assert forget.per_example == {"forget_eval": [50.0, None, 100.0]}
    average = found["success_avg"]
    assert (average.value, average.n, average.n_unscored) == (87.5, 3, 2)


def test_nothing_scored_gives_no_value_and_says_so():
    found = _scores([None, None], [None])
    for label in TOKEN_LABELS:
        assert found[label].value is None
        assert (found[label].ci95, found[label].stderr, found[label].n) == (None, None, 0)
        assert "no example could be scored" in found[label].reason
    assert found["unlearn_success"].n_unscored == 2
    assert found["success_avg"].n_unscored == 3


def test_one_half_alone_is_no_average():
    for forget, retain in (([None], [_row("x")]), ([_row("x")], [None])):
        average = _scores(forget, retain)["success_avg"]
        assert average.value is None
        assert "no value of" in average.reason


def test_one_example_has_no_interval():
    row = _row("x.", said="a", true="a b")
    for label, found in _scores([row], [row], (["the"], ["the"])).items():
        assert found.value is not None, label
        assert (found.ci95, found.stderr) == (None, None), label


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
    found = _scores(forget, retain, tuple(texts))  # type: ignore[arg-type]
    for label, one in found.items():
        assert one.value is not None
        if label.endswith("_ppl"):
            assert one.value >= 1
        else:
            assert 0 <= one.value <= 100
            assert all(0 <= end <= 100 + 1e-9 for end in one.ci95 or ())
        sizes = {"forget_eval": len(forget), "retain_eval": len(retain)}
        assert one.n + one.n_unscored == sum(sizes[split] for split in one.per_example)
    mean = (found["unlearn_success"].value + found["retention_success"].value) / 2  # type: ignore[operator]
    assert found["success_avg"].value == pytest.approx(mean, abs=1e-9)
    order = random.Random(seed)
    turned = _scores(order.sample(forget, len(forget)), order.sample(retain, len(retain)))
    for label in TOKEN_LABELS:
        assert turned[label].value == pytest.approx(found[label].value, rel=1e-9, abs=1e-9)
