"""What the examples of a split lack, in words."""

import pytest

from unharness import Example, Likelihood, MetricUse, Observed, Split, TokenScores
from unharness.evaluation.columns import resolve_columns
from unharness.evaluation.lacking import lacking, says_lacking
from unharness.evaluation.requests import Choices, Generated, Paired
from unharness.evaluation.scoring import Observations, score
from unharness.registry import registry

PLAIN = Split("forget", "forget", examples=(Example("0", "Who?", "Nobody."),))
FULL = PLAIN.with_examples(
    [
        *PLAIN.examples,
        Example(
            *("1", "Why?", "Because."),
            alternatives={"paraphrase": ("So.",), "perturbed": ("Not so.",)},
            prompts={"paraphrase": ("What for?",)},
            choices=("So.", "Not so."),
            gold=0,
        ),
    ]
)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Likelihood(answers=("perturbed",)), "the examples of forget have no wrong answers"),
        (Likelihood(answers=("paraphrase",)), "the examples of forget have no paraphrased answers"),
        (
            Likelihood(prompts=("paraphrase",)),
            "the examples of forget have no paraphrased questions",
        ),
        (
            Paired(answers=("refusal",)),
            "the examples of forget have no answers of the kind 'refusal'",
        ),
        (Choices(), "the examples of forget have no choices"),
    ],
)
def test_it_is_said_by_what_is_not_there(request_, words):
    assert lacking(PLAIN, request_) == words
    assert says_lacking(words)
    if "refusal" not in words:
        assert lacking(FULL, request_) == ""


def test_own_answers_are_always_there():
    assert lacking(PLAIN, Likelihood()) == lacking(PLAIN, Generated()) == ""
    assert not says_lacking("not observed: likelihood of forget")


def test_text_that_is_not_generated():
    silent = Split("holdout", "holdout", generation=None, examples=PLAIN.examples)
    assert lacking(silent, Generated()) == "no text is generated for holdout"


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize(
    ("metric", "params", "words"),
    [
        ("truth_ratio", {}, "paraphrased answers"),
        ("truth_ratio", {"correct": "answer"}, "wrong answers"),
        ("paraphrase_probability", {}, "paraphrased answers"),
        ("forget_quality", {}, "paraphrased answers"),
        ("choice_accuracy", {}, "choices"),
    ],
)
def test_a_metric_says_so_and_counts_the_examples(metric, params, words, observed):
    uses = [MetricUse(metric, "forget", label="x", **params)]
    columns = resolve_columns(uses, {"forget": PLAIN}, registry())
    row = TokenScores((-1.0,), (True,), (-2.0,), (1.0,), "", "", False, 0)
    found = {("forget", Likelihood()): Observed.of_tokens([[row]])}
    if observed:  # a run asks for what is not there, and gets nothing
        for part in columns[0].metric.observes().parts():
            found.setdefault(("forget", part), Observed.of_tokens([[]]))
    one = score(columns, Observations({"forget": PLAIN}, found), registry())["x"]
    assert one.reason == f"the examples of forget have no {words}"
    assert (one.value, one.n_unscored) == (None, 1)
