"""Columns that are computed from other ones: the reference's oracles, references, reasons."""

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unharness import (
    Composite,
    Example,
    Likelihood,
    MetricUse,
    Observed,
    Score,
    Split,
    TokenScores,
    UsageError,
    combined,
)
from unharness.evaluation.columns import columns_needed, reference_columns, resolve_columns
from unharness.evaluation.composites import composite_score
from unharness.evaluation.scoring import Observations, score
from unharness.evaluation.uses import direction_of
from unharness.registry import registry


def value(kind, *values, **references):
    scores = {str(at): Score(one, 1) for at, one in enumerate(values)}
    given = {name: [Score(one, 1)] for name, one in references.items()}
    return composite_score(kind, tuple(scores), scores, given)


def test_model_utility_oracle():
    # reference/METRICS.md, section 12.
    nine = (0.9, 0.8, 0.5, 0.45, 0.85, 0.6, 0.44, 0.88, 0.55)
    found = value("harmonic_mean", *(100 * one for one in nine))
    assert found.value == pytest.approx(61.4178, abs=5e-5)
    assert value("harmonic_mean", 50.0, 0.0).value == 0.0
    negative = value("harmonic_mean", 50.0, -1.0)
    assert (negative.value, negative.reason) == (None, "not defined for these values")


def test_memorisation_oracle():
    known = (0.25, 0.60, 0.30, 0.55)
    found = value("harmonic_mean", *(100 * (1 - one) for one in known))
    assert found.value == pytest.approx(53.4464, abs=5e-5)


def test_semeval_oracle():
    twelve = (0.9, 0.8, 0.7, 0.95, 0.6, 0.85, 0.9, 0.8, 0.75, 0.9, 0.7, 0.8)
    tasks = value("harmonic_mean", *(100 * one for one in twelve)).value
    assert tasks == pytest.approx(79.1057, abs=5e-5)
    assert value("mean", tasks, 76.0, 45.0).value == pytest.approx(66.7019, abs=5e-5)


def test_residue_oracles():
    found = value("residue", 20.0, retrained=12.0, target=90.0)
    assert found.value == pytest.approx(0.102564, abs=5e-7)
    assert 1 - found.value == pytest.approx(0.897436, abs=5e-7)
    beyond = value("residue", 2.0, retrained=12.0, target=90.0)
    assert beyond.value == pytest.approx(-0.128205, abs=5e-7)
    gap = value("gap", 2.0, retrained=12.0, target=90.0)
    assert gap.value == pytest.approx(0.128205, abs=5e-7)
    assert value("share_of_target", 45.0, target=60.0).value == pytest.approx(75.0)
    assert value("share_of_target", 66.0, target=60.0).value == 100.0


SHARES = st.floats(0.1, 100.0)


@given(st.lists(SHARES, min_size=2, max_size=9), st.randoms(), st.floats(0.01, 1.0))
def test_a_harmonic_mean_knows_no_order_and_scales_with_its_parts(parts, mixed, scale):
    found = value("harmonic_mean", *parts).value
    shuffled = mixed.sample(parts, len(parts))
    assert value("harmonic_mean", *shuffled).value == pytest.approx(found)
    assert value("harmonic_mean", *(scale * one for one in parts)).value == pytest.approx(
        scale * found
    )
    assert min(parts) * (1 - 1e-9) <= found <= max(parts) * (1 + 1e-9)


@given(SHARES, SHARES, SHARES, st.floats(0.1, 10.0), st.floats(-50.0, 50.0))
def test_a_residue_does_not_depend_on_the_scale(own, retrained, target, scale, shift):
    assume(abs(target - retrained) > 0.1)
    found = value("residue", own, retrained=retrained, target=target).value
    moved = [scale * one + shift for one in (own, retrained, target)]
    again = value("residue", moved[0], retrained=moved[1], target=moved[2]).value
    assert again == pytest.approx(found, rel=1e-6, abs=1e-6)
    assert value("gap", own, retrained=retrained, target=target).value == pytest.approx(abs(found))


def test_a_metric_that_cannot_tell_target_and_retrained_gives_no_residue():
    same = value("residue", 20.0, retrained=50.0, target=50.0)
    assert same.value is None
    assert "cannot tell them apart" in same.reason
    spread = numpy.random.default_rng(0).normal(0, 5, 100)
    scores = {"a": Score(20.0, 9, replicates=20 + spread)}
    given = {
        "retrained": [Score(12.0, 9, replicates=12 + spread[::-1])],
        "target": [Score(14.0, 9, replicates=14 + spread)],
    }
    found = composite_score("residue", ("a",), scores, given)
    assert found.value is None
    assert "less than two standard errors" in found.reason
    given["target"] = [Score(90.0, 9, replicates=90 + spread)]
    found = composite_score("residue", ("a",), scores, given)
    assert found.ci95[0] < found.value < found.ci95[1]
    assert found.n == 9


def test_a_missing_reference_is_a_reason():
    for kind, missing in (("residue", "retrained"), ("share_of_target", "target")):
        found = value(kind, 20.0)
        assert found.value is None
        assert f"needs the {missing} model's value of 0" in found.reason


def test_combined_keeps_the_first_reason_and_what_is_not_finite_is_no_value():
    parts = [Score(1.0, 2), Score.missing("why", 3)]
    found = combined(parts, lambda values: values.sum(axis=0))
    assert (found.value, found.reason, found.n_unscored) == (None, "why", 5)
    assert combined(parts[:1], lambda values: values[0] / 0.0).value is None


HIT = TokenScores((-0.5, -0.5), (True, True), (0.0,) * 2, (1.0,) * 2, "", "", False, 0)
HALF = TokenScores((-0.5, -0.5), (True, False), (0.0,) * 2, (1.0,) * 2, "", "", False, 0)
MISS = TokenScores((-0.5, -0.5), (False, False), (0.0,) * 2, (1.0,) * 2, "", "", False, 0)
SPLIT = Split("forget", "forget", examples=tuple(Example(str(at), "?", "!") for at in range(2)))
USES = (
    MetricUse("token_accuracy", "forget", label="known"),
    Composite("left", "residue", ("known",)),
    Composite("kept", "share_of_target", ("known",)),
    Composite("with_general", of=("known", "general/quiz"), direction="higher"),
)


def observed(row):
    rows = {("forget", Likelihood()): Observed.of_tokens([[row], [row]])}
    return Observations({"forget": SPLIT}, rows)


def resolved(*uses):
    return resolve_columns(uses, {"forget": SPLIT}, registry())


def test_columns_of_reference_models():
    columns = resolved(*USES)
    assert [one.unit for one in columns] == ["%", "ratio", "%", "%"]
    assert [one.direction for one in columns] == ["higher", "match_reference", "higher", "higher"]
    assert direction_of("left", USES, registry()) == "match_reference"
    known = columns[0]
    assert reference_columns(columns) == {"retrained": [known], "target": [known]}
    assert columns_needed("left", columns) == list(columns[:2])
    gold, target = observed(MISS), observed(HIT)
    references = {"retrained": [gold], "target": [target]}
    found = score(columns, observed(HALF), registry(), references, {"general/quiz": Score(30.0, 9)})
    assert (found["left"].value, found["kept"].value) == (0.5, 50.0)
    assert found["with_general"].value == pytest.approx(40.0)
    assert list(found) == [one.label for one in columns]
    own = score(columns, gold, registry(), references)
    assert own["left"].value == 0.0
    assert own["with_general"].reason == "no value of general/quiz: it was not measured"
    other = {"retrained": [gold, observed(HALF)], "target": [target]}
    assert score(columns, gold, registry(), other)["left"].value == -1.0  # against the other seed


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (Composite("c", "residue", ("known", "known")), "a residue is of one column, not 2"),
        (Composite("c", of=("known", "generals")), "no column 'generals'"),
    ],
)
def test_what_is_refused(use, words):
    with pytest.raises(UsageError, match=words):
        resolved(USES[0], use)
