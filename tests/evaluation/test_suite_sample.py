"""Which questions of a suite are asked."""

import math
from collections import Counter

import pytest

from unharness.evaluation.suite_sample import chosen_questions

SUBJECTS = {f"subject_{index}": 100 + 23 * index for index in range(57)}
TOTAL = sum(SUBJECTS.values())


def counts(chosen):
    return {task: len(indices) for task, indices in chosen.items()}


@pytest.mark.parametrize("limit", [None, TOTAL, TOTAL + 1])
def test_all_are_asked_where_that_is_no_more_than_the_limit(limit):
    chosen = chosen_questions(SUBJECTS, limit)
    assert counts(chosen) == SUBJECTS
    assert all(indices == list(range(len(indices))) for indices in chosen.values())


@pytest.mark.parametrize("by_size", [True, False])
@pytest.mark.parametrize("limit", [1, 50, 500])
def test_a_group_is_asked_so_many_in_all_each_once(limit, by_size):
    chosen = chosen_questions(SUBJECTS, limit, by_size=by_size)
    assert sum(counts(chosen).values()) == limit
    for task, indices in chosen.items():
        assert indices == sorted(set(indices))
        assert 0 <= indices[0] <= indices[-1] < SUBJECTS[task]
    assert chosen == chosen_questions(SUBJECTS, limit, by_size=by_size)


@pytest.mark.parametrize("limit", [50, 500, 5000])
def test_every_member_s_share_is_that_of_its_questions(limit):
    chosen = counts(chosen_questions(SUBJECTS, limit))
    for task, size in SUBJECTS.items():
        assert abs(chosen.get(task, 0) - limit * size / TOTAL) < 2


@pytest.mark.parametrize("limit", [50, 57, 500])
def test_members_that_count_alike_are_asked_alike(limit):
    chosen = counts(chosen_questions(SUBJECTS, limit, by_size=False))
    assert {chosen.get(task, 0) for task in SUBJECTS} <= {limit // 57, math.ceil(limit / 57)}


def test_a_small_member_that_counts_alike_is_asked_all_it_has():
    chosen = counts(chosen_questions({"few": 2, "many": 100}, 20, by_size=False))
    assert chosen == {"few": 2, "many": 18}


def test_a_smaller_sample_is_part_of_a_larger_one():
    small, large = (chosen_questions(SUBJECTS, limit) for limit in (50, 200))
    assert all(set(indices) <= set(large[task]) for task, indices in small.items())


def test_it_is_neither_the_first_ones_nor_the_same_places_in_every_task():
    chosen = chosen_questions({"a": 1000, "b": 1000}, 200)
    assert chosen["a"] != chosen["b"]
    for indices in chosen.values():
        quarters = Counter(index // 250 for index in indices)
        assert min(quarters.values()) > 10
    assert chosen_questions({"a": 1000}, 20) != chosen_questions({"b": 1000}, 20)


def test_the_choice_stays_what_it_is():
    """Other questions would make other numbers of the same run."""
    found = chosen_questions({"arc_challenge": 1172}, 5)
    assert found == {"arc_challenge": [648, 845, 865, 883, 1052]}
    found = chosen_questions({"a": 3, "b": 10, "c": 40}, 6)
    assert found == {"a": [0], "b": [3], "c": [14, 18, 36, 38]}
