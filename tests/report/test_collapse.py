"""The verdict on collapse: by numbers alone."""

import pytest

from unharness.records.record import AnswersRecord
from unharness.report.collapse import collapse_reasons, mean_answers


def answers(role="retain", loops=0.0, same=0.01, predicted=0.7, split="s"):
    return {split: AnswersRecord(role=role, n=108, loops=loops, same=same, predicted=predicted)}


BASE = answers(predicted=0.2)


@pytest.mark.parametrize(
    ("found", "base", "words"),
    [
        (answers(), BASE, []),
        (answers(predicted=0.05), None, []),  # without a base row there is no floor
        (answers(predicted=0.21), BASE, []),
        (answers(predicted=0.2), BASE, ["predicts 20.0%", "base model", "20.0%"]),
        (answers(predicted=0.0), BASE, ["predicts 0.0%"]),
        (answers(role="forget", predicted=0.0), answers(role="forget"), []),  # forgotten
        (answers(predicted=None), BASE, []),
        (answers(predicted=0.0), answers(predicted=None), []),
        (answers(predicted=0.0), answers(split="another"), []),
        (answers(loops=0.1), BASE, []),
        (answers(loops=0.26), None, ["26% of its answers to s are loops"]),
        (answers(role="forget", loops=0.5), None, []),
        (answers(role="forget", loops=0.94), None, ["94% of its answers to s are loops"]),
        (answers(role="utility", loops=1.0, predicted=0.0, same=1.0), BASE, []),
        (answers(loops=None, same=None), BASE, []),
        (answers(same=0.58), None, ["one and the same text is 58% of its answers to s"]),
        (answers(role="forget", same=1.0), None, []),  # one refusal for all of it
    ],
)
def test_reasons(found, base, words):
    reasons = collapse_reasons(found, base)
    assert len(reasons) == bool(words)
    assert all(word in reasons[0] for word in words)


def test_every_reason_is_given():
    found = answers(loops=0.9, same=0.6, predicted=0.0) | answers("forget", 0.9, split="f")
    assert len(collapse_reasons(found, BASE)) == 4


def test_a_model_that_looped_before_unlearning_is_allowed_as_many():
    target = answers(loops=0.3)
    assert collapse_reasons(answers(loops=0.4), target=target) == []
    [reason] = collapse_reasons(answers(loops=0.41), target=target)
    assert reason.endswith("(the target's: 30%)")
    assert len(collapse_reasons(answers(loops=0.2), target=answers(loops=None))) == 1


def test_the_mean_over_records():
    assert mean_answers([]) is None
    [found] = mean_answers([answers(predicted=0.1), answers(predicted=0.3)]).values()
    assert (found.role, found.n, found.loops, found.same) == ("retain", 108, 0.0, 0.01)
    assert found.predicted == pytest.approx(0.2)
    mixed = mean_answers([answers(), answers(loops=None) | answers(split="t")])
    assert list(mixed) == ["s"]
    assert mixed["s"].loops is None
