import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.report.labels import group_notes
from unharness.report.rows import build_board
from unharness.report.tradeoff import hypervolume, pareto_front, trade_offs

points = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=12)


def test_the_front_leaves_out_what_another_beats_in_both():
    assert pareto_front([(10, 90), (50, 50), (40, 40), (90, 10), (50, 20)]) == [0, 1, 3]
    assert pareto_front([(5, 5), (5, 5)]) == [0, 1]
    assert pareto_front([]) == []


@given(points)
def test_nothing_on_the_front_is_beaten_and_everything_else_is(found):
    def beats(one, other):
        return one[0] >= other[0] and one[1] >= other[1] and one != other

    front = pareto_front(found)
    for index, point in enumerate(found):
        assert (index in front) == (not any(beats(other, point) for other in found))


def test_hypervolume_by_hand():
    assert hypervolume([(2, 3)]) == 6
    assert hypervolume([(2, 3), (3, 1)]) == 2 * 3 + 1 * 1
    assert hypervolume([(2, 3), (1, 1)]) == 6
    assert hypervolume([(2, 3)], reference=(1, 1)) == 2
    assert hypervolume([(-1, 5)]) == 0
    assert hypervolume([]) == 0


@given(points)
def test_hypervolume_is_the_number_of_unit_squares_below(found):
    squares = sum(any(x > i and y > j for x, y in found) for i in range(100) for j in range(100))
    assert hypervolume(found) == pytest.approx(squares)


def test_references_are_no_part_of_a_trade_off(make_record, save):
    values = {"vanilla": (0, 100), "retrain": (99, 99), "a": (90, 20), "b": (50, 80), "c": (40, 70)}
    store = save(
        *(
            make_record(name, {"unlearn_success": u, "retention_success": r, "success_avg": 1.0})
            for name, (u, r) in values.items()
        )
    )
    [group] = build_board(store).groups
    [found] = trade_offs(group)
    assert {group.rows[index].method for index in found.front} == {"a", "b"}
    assert found.hypervolume == pytest.approx((90 * 20 + 50 * 60) / 100)
    assert any("hypervolume 48.0% of the square" in note for note in group_notes(group))
