import pytest

from unharness.records.record import RankingRecord
from unharness.report.build import build_board
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.html.page import to_html
from unharness.report.labels import group_notes
from unharness.report.latex import to_latex
from unharness.report.ranking import best_rows
from unharness.report.tradeoff import trade_offs


def methods_of(group):
    return [row.method for row in group.rows]


def column(group, name):
    return next(column for column in group.columns if column.name == name)


def winners(group, name):
    return {group.rows[index].method for index in best_rows(group.rows, column(group, name))}


def test_reference_rows_lead_and_the_rest_is_ranked(make_record, save):
    avg = {
        "a": 50.0,
        "b": 80.0,
        "retrain": 99.0,
        "vanilla": 0.0,
        "c": None,
        "d": 80.0,
        "base": 51.0,
    }
    store = save(*(make_record(name, {"success_avg": value}) for name, value in avg.items()))
    [group] = build_board(store, "success_avg").groups
    assert methods_of(group) == ["base", "vanilla", "retrain", "b", "d", "a", "c"]
    assert [row.reference for row in group.rows[:4]] == ["base", "target", "retrained", None]


def test_records_of_a_task_that_is_not_installed_say_what_is_plotted(make_record, save):
    def made(method, x, ranking, **changes):
        return make_record(method, {"x": x, "y": 100 - x}, task="gone", ranking=ranking, **changes)

    older = RankingRecord(headline="y")
    newer = RankingRecord(headline="x", forget_axis="x", retain_axes=["y"])
    store = save(
        made("a", 9.0, older, started="2026-01-01T00:00:00+00:00"),
        made("b", 1.0, newer, started="2026-01-02T00:00:00+00:00"),
    )
    [group] = build_board(store, "x").groups
    assert (group.headline, group.ranking.headline) == ("x", "x")
    assert methods_of(group) == ["a", "b"]
    assert [(found.across, found.against) for found in trade_offs(group)] == [("x", "y")]


def test_records_that_say_nothing_of_a_task_that_is_not_installed_are_shown(make_record, save):
    store = save(
        make_record("b", {"x": 9.0}, task="gone"), make_record("a", {"x": 1.0}, task="gone")
    )
    board = build_board(store)
    [group] = board.groups
    assert group.headline is None
    assert methods_of(group) == ["a", "b"]
    assert not any("Ranked by" in note for note in group_notes(group))
    for render in (to_json, to_csv, to_markdown, to_latex):
        assert "gone" in render(board)
    assert "gone" in to_html(board, store)


@pytest.mark.parametrize(
    ("headline", "expected"),
    [("success_avg", ["c", "b", "a"]), ("unlearn_rouge_l", ["a", "b", "c"]), ("mia", list("bac"))],
)
def test_ranking_respects_the_direction(make_record, save, headline, expected):
    values = {"retrain": 50.0, "a": 10.0, "b": 45.0, "c": 99.0}
    store = save(*(make_record(name, {headline: near(value)}) for name, value in values.items()))
    [group] = build_board(store, headline).groups
    assert methods_of(group) == ["retrain", *expected]
    assert winners(group, headline) == {expected[0]}


def near(value, half=1.0):
    """A value with an interval over examples."""
    return None if value is None else (value, value - half, value + half)


def test_best_leaves_references_out_and_no_tie_is_bold(make_record, save):
    values = {
        "base": 99.5,
        "vanilla": 100.0,
        "retrain": 0.0,
        "a": 10.0,
        "b": 20.0,
        "c": 20.5,
        "d": None,
    }
    metrics = {
        name: {"retention_success": near(value), "unlearn_rouge_l": near(value)}
        for name, value in values.items()
    }
    store = save(*(make_record(name, given) for name, given in metrics.items()))
    [group] = build_board(store).groups
    assert winners(group, "retention_success") == set()  # 20 and 20.5, each ± 1
    assert winners(group, "unlearn_rouge_l") == {"a"}


def test_over_seeds_what_counts_is_the_difference_on_the_same_seed(make_record, save):
    # Seeds differ by far more than the methods, which differ by 1 on each.
    def runs(name, values):
        return [
            make_record(name, {"success_avg": near(value, 0.1)}, seed=seed)
            for seed, value in enumerate(values)
        ]

    store = save(*runs("a", [50, 70, 90]), *runs("b", [51.1, 70.9, 91.0]))
    assert winners(build_board(store).groups[0], "success_avg") == {"b"}
    store = save(*runs("c", [52, 69, 91.5]))
    assert winners(build_board(store).groups[0], "success_avg") == set()


def test_without_intervals_nothing_is_told_apart(make_record, save):
    store = save(make_record("a", {"x": 1.0}), make_record("b", {"x": 99.0}))
    assert winners(build_board(store).groups[0], "x") == set()


@pytest.mark.parametrize("values", [{"a": 1.0}, {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": None}])
def test_no_best_without_a_difference(make_record, save, values):
    store = save(
        make_record("vanilla", {"success_avg": 5.0}),
        *(make_record(name, {"success_avg": value}) for name, value in values.items()),
    )
    [group] = build_board(store).groups
    assert winners(group, "success_avg") == set()


def test_nothing_matches_a_reference_that_is_not_there(make_record, save):
    store = save(make_record("a", {"mia": 1.0}), make_record("b", {"mia": 2.0}))
    assert winners(build_board(store).groups[0], "mia") == set()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (52.0, 60.0, {"a"}),  # on one side: the retrained row's own interval cancels
        (48.0, 60.0, set()),  # on both: were the retrained row at 55, they would be as near
        (48.0, 90.0, {"a"}),
    ],
)
def test_the_retrained_rows_interval_counts_between_rows_on_its_two_sides(
    make_record, save, a, b, expected
):
    values = {"retrain": near(50.0, 5.0), "a": near(a), "b": near(b)}
    store = save(*(make_record(name, {"mia": value}) for name, value in values.items()))
    assert winners(build_board(store).groups[0], "mia") == expected


def test_a_difference_that_contradicts_the_values_ranks_nothing(make_record, save_numbers, store):
    # On the target that both have b is ahead, over all runs a is.
    def put(method, target, seed, value):
        scores = [value + 0.1 * (at % 3) for at in range(30)]
        record = make_record(
            method,
            {"success_avg": sum(scores) / 30},
            seed=seed,
            target_recipe={"epochs": 22, "lr": 0.004, "seed": target},
        )
        save_numbers(record, {"retain_eval": {"success_avg": scores}})

    for seed in (0, 1):
        put("a", 0, seed, 50.0 + 0.01 * seed)
        put("a", 1, seed, 90.0)
        put("b", 0, seed, 60.0)
    [group] = build_board(store, "success_avg").groups
    assert methods_of(group) == ["a", "b"]
    assert winners(group, "success_avg") == set()
    assert group.ranks == {0: (1, 2), 1: (1, 2)}
