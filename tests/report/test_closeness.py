import math
from dataclasses import replace

import numpy
import pytest

from unharness.records.per_example import KNOWN, SAID, SplitNumbers, example_key
from unharness.report.closeness import PARTS, ClosenessScale, References, harmonic_mean

COUNT = 40
KEYS = tuple(example_key(str(at)) for at in range(COUNT))
GROUPS = numpy.arange(COUNT)


def model(forget, retain, jitter=0.0, seed=0, said=None):
    """A model with the same score on all questions of a split, but for some jitter."""
    rng = numpy.random.default_rng(seed)

    def column(level):
        return numpy.clip(level + jitter * rng.standard_normal(COUNT), 0, 1)

    forget_said, retain_said = said or (forget, retain)
    return {
        "forget_eval": SplitNumbers(
            "forget", KEYS, GROUPS, {}, {KNOWN: column(forget), SAID: column(forget_said)}
        ),
        "retain_eval": SplitNumbers(
            "retain", KEYS, GROUPS, {}, {KNOWN: column(retain), SAID: column(retain_said)}
        ),
    }


def references(jitter=0.0, count=3):
    return References(
        retrained=[model(0.2, 0.9, jitter, seed) for seed in range(count)],
        targets={0: model(1.0, 0.9)},
        bases=[model(0.2, 0.1)],
    )


def closeness(numbers, given=None):
    found = ClosenessScale(given or references()).measure(((0, 0),), [numbers])
    return found.whole.value


def test_the_target_has_0_and_the_retrained_model_100():
    assert closeness(model(1.0, 0.9)) == 0.0
    assert closeness(model(0.2, 0.9)) == pytest.approx(100.0)


def test_collapse_and_refusal_have_0():
    assert closeness(model(0.0, 0.0)) == 0.0
    refuses_all = model(0.2, 0.9, said=(0.2, 0.0))
    assert closeness(refuses_all) == 0.0


def test_knowledge_behind_a_refusal_counts_against_it():
    hidden = model(1.0, 0.9, said=(0.2, 0.9))
    assert closeness(hidden) == 0.0
    half = model(0.6, 0.9, said=(0.2, 0.9))
    # Parts: 1 - 0.4/0.8 on forget known, 1 on the other three.
    assert closeness(half) == pytest.approx(100 * 4 / (1 / 0.5 + 3))


def test_going_beyond_the_retrained_model_costs_as_falling_short_does():
    beyond, short = model(0.1, 0.9), model(0.3, 0.9)
    assert closeness(beyond) == pytest.approx(closeness(short))
    assert closeness(beyond) < 100.0


def test_the_floor_is_what_retrained_models_are_from_each_other():
    given = references(jitter=0.05, count=4)
    scale = ClosenessScale(given)
    [axis] = [a for a in scale._axes if a.part == ("forget", KNOWN)]
    rows = axis.retrained
    distances = [
        numpy.abs(rows[j] - numpy.delete(rows, j, axis=0).mean(axis=0)).mean() for j in range(4)
    ]
    expected = math.sqrt((1 + 1 / 4) / (1 + 1 / 3)) * numpy.mean(distances)
    assert axis.floor.mean() == pytest.approx(expected)
    # One more model of the same kind is as close as the retrained models are to each other.
    fresh = [model(0.2, 0.9, 0.05, seed) for seed in range(100, 140)]
    found = scale.measure(tuple((0, s) for s in range(40)), fresh)
    assert found.whole.value > 97.0
    assert {part: round(one.value) for part, one in found.parts.items()}.keys() == set(PARTS)


def test_without_two_retrained_models_nothing_is_measured():
    scale = ClosenessScale(references(count=1))
    assert scale.reason == "closeness needs 2 retrained models at least, and there is 1"
    assert scale.measure(((0, 0),), [model(0.2, 0.9)]) is None


@pytest.mark.parametrize("missing", ["targets", "bases"])
def test_without_a_far_model_nothing_is_measured(missing):
    given = references()
    empty = {"targets": {}, "bases": []}[missing]
    changed = References(**{**vars(given), missing: empty})
    assert ClosenessScale(changed).reason


def test_a_split_that_cannot_tell_is_left_out_and_named():
    given = references()
    targets = {0: model(0.2, 0.9, said=(1.0, 0.9))}  # it predicts as little as the retrained one
    changed = References(given.retrained, targets, given.bases)
    scale = ClosenessScale(changed)
    assert scale.left_out == [
        "forget_eval (known), which does not distinguish the target from the retrained model"
    ]
    assert scale.measure(((0, 0),), [model(0.2, 0.9)]).whole.value == pytest.approx(100.0)


def test_each_target_seed_has_its_own_distance():
    given = references()
    targets = {0: model(1.0, 0.9), 1: model(0.6, 0.9)}
    scale = ClosenessScale(References(given.retrained, targets, given.bases))
    found = scale.measure(((0, 0), (1, 0)), [model(0.4, 0.9)] * 2)
    # 0.2 of 0.8 is left for one target, 0.2 of 0.4 for the other.
    expected = [100 * 4 / (2 / 0.75 + 2), 100 * 4 / (2 / 0.5 + 2)]
    assert found.whole.values == pytest.approx(expected)


def test_the_interval_counts_seeds_questions_and_retrained_models():
    given = references(jitter=0.1)
    runs = [model(0.3, 0.8, 0.15, seed) for seed in range(50, 55)]
    found = ClosenessScale(given).measure(tuple((0, s) for s in range(5)), runs)
    sources = {piece.source for piece in found.whole.estimate().pieces}
    assert sources == {"seeds", "questions", "retrained"}
    low, high = found.whole.estimate().percent_interval()
    assert 0 < low < found.whole.value < high < 100


def test_the_jackknife_leaves_one_group_out():
    given = references(jitter=0.1)
    scale = ClosenessScale(given)
    one = model(0.3, 0.8, 0.15, 50)
    found = scale.measure(((0, 0),), [one]).whole

    def without(numbers, place):
        kept = numpy.arange(COUNT) != place
        return {
            name: SplitNumbers(
                split.role,
                tuple(numpy.array(split.examples)[kept]),
                split.groups[kept],
                {},
                {way: values[kept] for way, values in split.answers.items()},
            )
            if name == "forget_eval"
            else split
            for name, split in numbers.items()
        }

    fewer = References(
        [without(numbers, 7) for numbers in given.retrained],
        {seed: without(numbers, 7) for seed, numbers in given.targets.items()},
        [without(numbers, 7) for numbers in given.bases],
    )
    other = ClosenessScale(fewer).measure(((0, 0),), [without(one, 7)]).whole.value
    expected = -(other - found.value) * (COUNT - 1) / COUNT
    assert found.influences["forget_eval"][0, 7] == pytest.approx(expected)


def test_other_examples_are_not_compared():
    other = model(0.2, 0.9)
    other["forget_eval"] = SplitNumbers(
        "forget", KEYS[:-1], GROUPS[:-1], {}, {KNOWN: numpy.ones(COUNT - 1)}
    )
    assert ClosenessScale(references()).measure(((0, 0),), [other]) is None


def test_harmonic_mean():
    values = [numpy.array([1.0, 0.0, -1.0]), numpy.array([0.5, 1.0, 0.5])]
    assert harmonic_mean(values).tolist() == [2 / 3, 0, -2 / 3]


def test_a_part_that_was_not_measured_is_named():
    def silent(numbers):
        return {
            name: SplitNumbers(
                split.role,
                split.examples,
                split.groups,
                {},
                {way: found for way, found in split.answers.items() if way != SAID},
            )
            for name, split in numbers.items()
        }

    given = references()
    scale = ClosenessScale(
        References(
            [silent(one) for one in given.retrained],
            {seed: silent(one) for seed, one in given.targets.items()},
            [silent(one) for one in given.bases],
        )
    )
    assert scale.left_out == [
        f"{SAID} of the {role} splits: not every reference row has it"
        for role in ("forget", "retain")
    ]
    assert scale.measure(((0, 0),), [model(0.2, 0.9)]).whole.value == pytest.approx(100.0)


def test_the_jackknife_leaves_out_whole_groups_in_any_order():
    groups = numpy.array([2, 0, 1, 1, 2, 0] * 5)

    def random_model(kept, seed):
        numbers = numpy.random.default_rng(seed).random((2, 2, 30))
        return {
            role: SplitNumbers(
                role,
                tuple(numpy.array(KEYS[:30])[kept]),
                groups[kept],
                {},
                {KNOWN: found[0][kept], SAID: found[1][kept]},
            )
            for role, found in zip(("forget", "retain"), numbers, strict=True)
        }

    def far(kept):
        ones = numpy.full(int(kept.sum()), 4.0)
        keys = tuple(numpy.array(KEYS[:30])[kept])
        return {
            role: SplitNumbers(role, keys, groups[kept], {}, {KNOWN: ones, SAID: ones})
            for role in ("forget", "retain")
        }

    def measured(kept, changed):
        def one(seed):
            return {
                "forget": random_model(changed, seed)["forget"],
                "retain": random_model(kept, seed)["retain"],
            }

        away = {"forget": far(changed)["forget"], "retain": far(kept)["retain"]}
        given = References([one(1), one(2), one(3)], {0: away}, [away])
        return ClosenessScale(given).measure(((0, 0),), [farther(one(4))]).whole

    def farther(numbers):
        return {
            name: replace(split, answers={way: found + 1 for way, found in split.answers.items()})
            for name, split in numbers.items()
        }

    everything = numpy.ones(30, dtype=bool)
    found = measured(everything, everything)
    for group in range(3):
        other = measured(everything, groups != group)
        expected = -(other.value - found.value) * 2 / 3
        assert found.influences["forget"][0, group] == pytest.approx(expected)


def test_where_a_part_is_clipped_the_interval_still_says_what_is_possible():
    given = references(jitter=0.05)
    spread = numpy.linspace(-0.5, 0.5, COUNT)

    def measured(forget):
        one = model(0.2, 0.7, 0.05, 60)
        known = forget + spread
        one["forget_eval"] = replace(one["forget_eval"], answers={KNOWN: known, SAID: known})
        return ClosenessScale(given).measure(((0, 0),), [one]).whole

    hardly, beyond = measured(1.02), measured(1.9)
    assert (hardly.value, beyond.value) == (0.0, 0.0)
    low, high = hardly.estimate().percent_interval(counted=False)
    assert low == 0.0
    assert 3.0 < high < 60.0
    # So far away that nothing else is possible.
    assert beyond.estimate().percent_interval(counted=False) == (0.0, 0.0)


def test_near_100_the_interval_is_as_long_as_its_error():
    found = ClosenessScale(references(jitter=0.05)).measure(((0, 0),), [model(0.21, 0.89, 0.06, 9)])
    low, high = found.whole.estimate().percent_interval(counted=False)
    half = found.whole.estimate().half_width()
    assert (low, high) == pytest.approx((found.whole.value - half, 100.0))
