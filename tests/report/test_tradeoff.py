import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.registry import registry
from unharness.report.build import build_board
from unharness.report.labels import group_notes
from unharness.report.tradeoff import goodness, hypervolume, pareto_front, trade_offs

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


@pytest.mark.slow
@given(points)
def test_hypervolume_is_the_number_of_unit_squares_below(found):
    squares = sum(any(x > i and y > j for x, y in found) for i in range(100) for j in range(100))
    assert hypervolume(found) == pytest.approx(squares)


def test_references_are_no_part_of_a_trade_off(make_record, save):
    values = {
        "base": (95, 5),
        "vanilla": (0, 100),
        "retrain": (99, 99),
        "a": (90, 20),
        "b": (50, 80),
        "c": (40, 70),
    }
    store = save(
        *(
            make_record(name, {"unlearn_success": u, "retention_success": r, "success_avg": 1.0})
            for name, (u, r) in values.items()
        )
    )
    [group] = build_board(store).groups
    [found] = trade_offs(group)
    assert {group.rows[index].method for index in found.front} == {"a", "b"}
    # From the floor (vanilla forgot 0, base kept 5) to the cap, the retrained model's (99, 99).
    assert (found.floor, found.cap) == ((0, 5), (99, 99))
    share = 100 * (90 * 15 + 50 * 60) / (99 * 94)
    assert found.hypervolume == pytest.approx(share)
    assert any(f"hypervolume {share:.1f}% of the square from" in n for n in group_notes(group))


def test_going_beyond_the_retrained_model_gains_nothing_and_collapse_is_left_out(make_record, save):
    values = {"vanilla": (0, 90), "base": (70, 0), "retrain": (60, 80), "a": (60, 70)}
    collapsed = ["the model has collapsed: it says the same to all"]
    store = save(
        *(
            make_record(name, {"unlearn_success": u, "retention_success": r})
            for name, (u, r) in values.items()
        ),
        make_record("b", {"unlearn_success": 99, "retention_success": 70}),
        make_record("c", {"unlearn_success": 99, "retention_success": 79}, warnings=collapsed),
    )
    [group] = build_board(store).groups
    [found] = trade_offs(group)
    assert {group.rows[index].method for index in found.front} == {"a", "b"}
    assert found.hypervolume == pytest.approx(100 * 70 / 80)


def test_without_a_retrained_model_the_square_ends_at_100(make_record, save):
    values = {"vanilla": (20, 90), "a": (60, 95)}
    made = [
        make_record(name, {"unlearn_success": u, "retention_success": r})
        for name, (u, r) in values.items()
    ]
    [group] = build_board(save(*made)).groups
    [found] = trade_offs(group)
    assert found.square == "the square from the base and target models to 100"
    assert found.hypervolume == pytest.approx(100 * (40 * 5) / (80 * 10))


@pytest.fixture
def axes(monkeypatch):
    """axes(forget, *retain): the task's own, for one test."""

    def choose(forget, *retain):
        task = registry().get("tasks", "knowundo-privacy")
        monkeypatch.setattr(task, "forget_axis", forget)
        monkeypatch.setattr(task, "retain_axes", retain)

    return choose


def test_what_should_match_the_retrained_row_counts_by_its_distance_to_it(make_record, save, axes):
    axes("mia", "retention_success")
    # By its value c would beat a and b; it is farthest from the retrained row.
    values = {"retrain": (50, 99), "a": (48, 60), "b": (55, 80), "c": (90, 70)}
    [group] = build_board(
        save(
            *(
                make_record(name, {"mia": m, "retention_success": r, "success_avg": 1.0})
                for name, (m, r) in values.items()
            )
        )
    ).groups
    [found] = trade_offs(group)
    assert {group.rows[at].method: place for at, place in found.points.items()} == {
        "a": (98, 60),
        "b": (95, 80),
        "c": (60, 70),
    }
    assert {group.rows[at].method for at in found.front} == {"a", "b"}


def test_without_a_retrained_row_there_is_nothing_to_match(make_record, save, axes):
    axes("mia", "retention_success")
    record = make_record("a", {"mia": 48.0, "retention_success": 60.0})
    assert trade_offs(build_board(save(record)).groups[0]) == []


def test_where_less_is_better_less_is_on_the_front(make_record, save, axes):
    axes("unlearn_rouge_l", "retention_success")
    values = {"a": (10, 50), "b": (20, 40), "c": (30, 60)}
    [group] = build_board(
        save(
            *(
                make_record(name, {"unlearn_rouge_l": u, "retention_success": r})
                for name, (u, r) in values.items()
            )
        )
    ).groups
    [found] = trade_offs(group)
    assert {group.rows[at].method for at in found.front} == {"a", "c"}
    assert found.hypervolume == pytest.approx((90 * 50 + 70 * 10) / 100)


def test_axes_that_are_no_columns_in_percent_make_no_plot(make_record, save, axes):
    axes("unlearn_ppl", "retention_success")
    record = make_record("a", {"unlearn_ppl": 4.0, "retention_success": 60.0})
    assert trade_offs(build_board(save(record)).groups[0]) == []


@pytest.mark.parametrize("with_retrained", [True, False])
def test_what_should_match_is_best_where_it_is_nearest(make_record, save, with_retrained):
    values = {"vanilla": 95, "a": 40, "b": 65} | ({"retrain": 50} if with_retrained else {})
    [group] = build_board(
        save(*(make_record(name, {"mia": v}) for name, v in values.items()))
    ).groups
    [column] = [one for one in group.columns if one.name == "mia"]
    found = dict(zip((row.method for row in group.rows), goodness(group, column), strict=True))
    if with_retrained:
        assert found == {"retrain": 100.0, "vanilla": 55.0, "a": 90.0, "b": 85.0}
    else:
        assert set(found.values()) == {None}


def test_a_row_that_predicts_no_more_than_the_base_model_has_collapsed(make_record, save):
    from unharness.records.record import AnswersRecord

    def made(method, predicted, loops=0.0):
        answers = AnswersRecord(role="retain", n=100, loops=loops, same=0.01, predicted=predicted)
        values = {"unlearn_success": 50.0, "retention_success": 100 * predicted}
        return make_record(method, values, answers={"retain_eval": answers})

    store = save(
        *(made("base", 0.2), made("vanilla", 1.0)),
        *(made("a", 0.8), made("b", 0.19), made("c", 0.8, loops=0.3)),
    )
    [group] = build_board(store).groups
    rows = {row.method: row for row in group.rows}
    assert {name for name, row in rows.items() if row.collapsed} == {"b", "c"}
    assert "the base model" in rows["b"].warnings[0]
    [found] = trade_offs(group)
    assert {group.rows[index].method for index in found.points} == {"a"}
