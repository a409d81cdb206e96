"""Which answers are warned of, and which targets were never trained: by role, not by name."""

import pytest

from unharness import Example, Generated, Likelihood, Observed, Split, TokenScores
from unharness.evaluation.answers import answer_warnings, answers_record
from unharness.evaluation.scoring import Observations
from unharness.pipeline.record_builder import TARGET_UNLEARNED, target_warnings


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


LOOP = "the old house and the old house " * 6
PROSE = "She grew up in a village by the sea, where her father mended nets and sang."


def test_a_split_s_answers_in_numbers():
    texts = [LOOP] * 3 + ["no comment "] * 2 + [PROSE] + list("abcd")
    found = answers_record(seen(("f", "forget", 0.0), ("r", "retain", 0.9), texts=texts))
    kept = found["r"]
    assert (kept.role, kept.n, kept.loops, kept.same) == ("retain", 10, 0.3, 0.3)
    assert kept.predicted == pytest.approx(0.9)
    assert (found["f"].role, found["f"].predicted) == ("forget", 0.0)
    [without] = answers_record(seen(("r", "retain", 0.5))).values()
    assert (without.loops, without.same, without.predicted) == (None, None, 0.5)


@pytest.mark.parametrize(("loops", "roles"), [(1, []), (2, ["retain"]), (6, ["forget", "retain"])])
def test_loops_are_warned_of_sooner_on_what_is_to_be_kept(loops, roles):
    texts = [LOOP + str(n) for n in range(loops)] + [PROSE + str(n) for n in range(10 - loops)]
    splits = [(role, role, 0.0) for role in ("forget", "retain", "holdout", "utility")]
    found = answer_warnings(seen(*splits, texts=texts))
    assert found == [
        f"{10 * loops}% of its answers to {role} are loops of a few words" for role in roles
    ]


def test_one_answer_to_everything_is_warned_of_on_the_retain_set_alone():
    same, mixed = ["no comment "] * 6 + list("abcd"), list("abcdefghij")
    splits = [("f", "forget", 0.9), ("r", "retain", 0.9)]
    assert answer_warnings(seen(*splits, texts=same)) == [
        "60% of its answers to r are 'no comment'"
    ]
    assert answer_warnings(seen(*splits, texts=mixed)) == []


def test_what_a_model_predicts_is_judged_beside_the_base_model_and_not_here():
    assert answer_warnings(seen(("r", "retain", 0.0))) == []


def test_a_target_must_know_what_it_learned_and_nothing_else():
    found = target_warnings(
        seen(("f", "forget", 0.5), ("r", "retain", 0.9), ("u", "utility", 0.0, False))
    )
    assert len(found) == 1
    assert found[0].startswith(f"{TARGET_UNLEARNED}: it predicts 50.0% of the answer tokens of f;")
