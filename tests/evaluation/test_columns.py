"""What a task's list of metrics stands for, and what is refused in it."""

import pytest

from unharness import Composite, Generation, MetricUse, Score, Split, UsageError
from unharness.errors import UnknownNameError
from unharness.evaluation.columns import resolve_columns
from unharness.evaluation.metric_records import metric_records
from unharness.evaluation.uses import direction_of, labels_of
from unharness.registry import registry

SPLITS = {
    "forget": Split("forget", "forget"),
    "retain": Split("retain", "retain", generation=Generation()),
    "quiz": Split("quiz", "utility", kind="choice", generation=None),
}


def columns(*uses):
    return resolve_columns(uses, SPLITS, registry())


def test_a_use_without_a_split_is_a_column_for_every_split_that_can_be_observed_so():
    assert [one.label for one in columns(MetricUse("rouge_l"))] == [
        "rouge_l_forget",
        "rouge_l_retain",  # nothing is generated for the quiz
    ]
    labels = [one.label for one in columns(MetricUse("perplexity", label="ppl"))]
    assert labels == ["ppl_forget", "ppl_retain", "ppl_quiz"]


def test_a_complement_turns_the_direction_round_unless_the_task_says_otherwise():
    plain, turned, said = columns(
        MetricUse("token_accuracy", "forget"),
        MetricUse("token_accuracy", "forget", label="turned", complement=True),
        MetricUse("token_accuracy", "forget", label="said", direction="match_reference"),
    )
    assert plain.label == "token_accuracy_forget"
    assert (plain.direction, turned.direction) == ("higher", "lower")
    assert said.direction == "match_reference"


def test_a_composite_may_stand_before_its_parts_and_takes_their_unit_and_direction():
    uses = (
        Composite("both", "harmonic_mean", ("one", "two")),
        MetricUse("token_accuracy", "forget", label="one"),
        MetricUse("rouge_l", "retain", label="two"),
        Composite("all", of=("both", "two")),
    )
    found = columns(*uses)
    assert [one.label for one in found] == ["both", "one", "two", "all"] == labels_of(uses)
    assert (found[0].unit, found[0].direction) == ("%", "higher")
    assert direction_of("all", uses, registry()) == "higher"
    assert direction_of("none", uses, registry()) is None


@pytest.mark.parametrize(
    ("uses", "words"),
    [
        ([MetricUse("rouge_l", "forgot")], "'forgot' is no evaluated split. Did you mean forget"),
        ([MetricUse("rouge_l", "forget", against="hold")], "'hold' is no evaluated split"),
        ([MetricUse("rouge_l", "forget")] * 2, "two columns are named 'rouge_l_forget'"),
        ([MetricUse("rouge_l", "forget", label="../x")], "no name for a metric's column"),
        ([MetricUse("perplexity", "forget", complement=True)], "a complement needs the unit %"),
        ([Composite("c", of=("a",))], "no column 'a'"),
        ([Composite("c")], "its parts need one unit"),
        (
            [
                MetricUse("perplexity", "forget", label="a"),
                MetricUse("rouge_l", "forget", label="b"),
                Composite("c", of=("a", "b")),
            ],
            "need one unit and one direction",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(uses, words):
    with pytest.raises(UsageError) as caught:
        columns(*uses)
    assert words in str(caught.value)


def test_an_unknown_metric_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean rouge_l"):
        columns(MetricUse("rouge_m", "forget"))


def test_an_optional_use_is_left_out_without_its_split_and_composites_with_it():
    uses = (
        Composite("whole", of=("one", "two")),
        Composite("part", of=("one", "two"), partial=True),
        Composite("of_whole", of=("whole", "part"), partial=True),
        Composite("nothing", of=("two",), partial=True),
        MetricUse("token_accuracy", "forget", label="one", optional=True),
        MetricUse("token_accuracy", "none", label="two", optional=True),
        MetricUse("membership_auc", "forget", against="none", label="auc", optional=True),
    )
    found = {one.label: one for one in columns(*uses)}
    assert list(found) == ["part", "of_whole", "one"]
    assert (found["part"].of, found["of_whole"].of) == (("one",), ("part",))


def test_a_composite_can_be_a_detail_and_its_record_says_so():
    for detail in (False, True):
        uses = [
            MetricUse("rouge_l", "forget", label="a"),
            Composite("mean_of", of=("a",), detail=detail),
            Composite("share_of", "share_of_target", ("a",), detail=detail),
        ]
        made = columns(*uses)
        records = metric_records(made, {one.label: Score(1.0, 1) for one in made})
        assert [records[name].detail for name in ("a", "mean_of", "share_of")] == [
            False,
            detail,
            detail,
        ]
