"""Numbers of another version, or with other parameters, are never averaged or compared."""

from unharness.report.build import build_board


def of(record, **origin):
    metric = record.metrics["success_avg"].model_copy(update={"metric": "mine", **origin})
    return record.model_copy(update={"metrics": {"success_avg": metric}})


def test_an_older_version_has_no_value_and_is_named(make_record, save):
    old = of(make_record("kl", {"success_avg": 10.0}, seed=0), version=1)
    new = of(make_record("memflex", {"success_avg": 50.0}, seed=0), version=2)
    board = build_board(save(old, new))
    [group] = board.groups
    values = {row.method: row.metrics["success_avg"].value for row in group.rows}
    assert values == {"kl": None, "memflex": 50.0}
    [warning] = board.warnings
    assert f"success_avg: left out of {old.run_id}, computed by another version" in warning
    assert "unharness score" in warning


def test_other_parameters_are_other_numbers(make_record, save):
    first = of(make_record("kl", {"success_avg": 10.0}, seed=0), version=1, params={"k": 1})
    last = of(
        make_record("kl", {"success_avg": 50.0}, seed=1, finished="2026-02-01T00:00:00+00:00"),
        version=1,
        params={"k": 2},
    )
    board = build_board(save(first, last))
    [row] = board.groups[0].rows
    assert row.metrics["success_avg"].value is None  # one seed of two has no number any more
    assert len(board.warnings) == 1


def test_equal_origins_are_as_they_were(make_record, save):
    board = build_board(save(*(of(make_record(seed=seed), version=3) for seed in range(3))))
    [row] = board.groups[0].rows
    assert row.metrics["success_avg"].value == 70.0
    assert board.warnings == ()
