"""Which models count as collapsed, and which targets as never trained: by role, not by name."""

import pytest

from unharness import Example, Generated, Likelihood, Observed, Split, TokenScores
from unharness.evaluation.scoring import Observations
from unharness.pipeline.record_builder import TARGET_UNLEARNED, collapse_warnings, target_warnings


def seen(*splits, texts=None):
    """Observations of (name, role, share of hits) or (name, role, share, learned)."""
    found, observed = {}, {}
    for name, role, share, *learned in splits:
        examples = tuple(Example(str(n), f"{n}?", "a") for n in range(10))
        found[name] = Split(name, role, learned=not learned or learned[0], examples=examples)
        row = TokenScores(
            (-1.0,) * 20,
            tuple(n < 20 * share for n in range(20)),
            (0.0,) * 20,
            (0.0,) * 20,
            "",
            "",
            False,
        )
        observed[name, Likelihood()] = Observed.of_tokens([[row]] * 9 + [[None]])
        if texts:
            observed[name, Generated()] = Observed(texts={"samples": [[text] for text in texts]})
    return Observations(found, observed)


@pytest.mark.parametrize(
    ("splits", "collapsed"),
    [
        ([("f", "forget", 0.0), ("r", "retain", 0.9)], []),  # forgotten, nothing else
        ([("f", "forget", 0.0), ("r", "retain", 0.05)], ["r"]),
        ([("near", "retain", 0.05), ("far", "retain", 0.5)], ["near"]),
        ([("near", "retain", 0.0), ("far", "retain", 0.0)], ["near", "far"]),
        ([("h", "holdout", 0.0), ("u", "utility", 0.0)], []),  # a target need not know these
    ],
)
def test_a_model_that_predicts_nothing_of_a_retain_split_has_collapsed(splits, collapsed):
    found = list(collapse_warnings(seen(*splits)))
    assert len(found) == len(collapsed)
    for text, name in zip(found, collapsed, strict=True):
        assert text.startswith("the model has collapsed: it predicts")
        assert text.endswith(f"of {name}")


def test_one_answer_to_everything_is_a_collapse_on_the_retain_set_alone():
    same, mixed = ["no comment "] * 6 + list("abcd"), list("abcdefghij")
    splits = [("f", "forget", 0.9), ("r", "retain", 0.9)]
    [text] = collapse_warnings(seen(*splits, texts=same))
    assert text == "the model has collapsed: 60% of its answers to r are 'no comment'"
    assert list(collapse_warnings(seen(*splits, texts=mixed))) == []


def test_a_target_must_know_what_it_learned_and_nothing_else():
    found = target_warnings(
        seen(("f", "forget", 0.5), ("r", "retain", 0.9), ("u", "utility", 0.0, False))
    )
    assert len(found) == 1
    assert found[0].startswith(f"{TARGET_UNLEARNED}: it predicts 50.0% of the answer tokens of f;")
