import gc
import json
import math
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.records.record import CostRecord, TargetRecord
from unharness.records.spec import EvaluationSettings
from unharness.report.build import build_board
from unharness.report.comparable import target_row_of
from unharness.report.labels import group_notes, group_titles, row_labels
from unharness.report.ranking import Column

LORA = {"r": 8, "alpha": 16, "dropout": 0.1}
finite = st.floats(-1e12, 1e12)


def test_one_seed_keeps_the_records_own_numbers(make_record, save):
    record = make_record(metrics={"success_avg": (70.0, 65.0, 75.0)})
    [group] = build_board(save(record)).groups
    [row] = group.rows
    value = row.metrics["success_avg"]
    assert (value.value, value.ci95, value.n) == (70.0, (65.0, 75.0), 110)
    assert row.seeds == (0,)
    assert row.runs == (record.run_id,)
    assert row.cost == {
        "train_seconds": 10.0,
        "seconds_per_step": None,
        "peak_memory_gb": None,
        "trainable_parameters": 1000,
    }


def test_reading_records_leaves_the_garbage_collector_alone(make_record, save, monkeypatch):
    # It belongs to the whole process, and a server reads records in one of its threads.
    store = save(make_record())
    switched = []
    monkeypatch.setattr(gc, "disable", lambda: switched.append("off"))
    monkeypatch.setattr(gc, "enable", lambda: switched.append("on"))
    assert build_board(store).groups
    assert switched == []


def test_several_seeds_give_mean_and_t_interval(make_record, save):
    values = {2: 60.0, 0: 66.0, 1: 72.0}
    records = {
        seed: make_record(metrics={"own": value}, seed=seed) for seed, value in values.items()
    }
    [group] = build_board(save(*records.values())).groups
    [row] = group.rows
    value = row.metrics["own"]
    # By hand: s = 6, t(0.975, 2) = 4.302653, 4.302653 · 6 / √3 = 14.904827; of shares, as logits.
    assert value.value == 66.0
    logit, half = math.log(0.66 / 0.34), 0.14904827 / (0.66 * 0.34)
    expected = [100 / (1 + math.exp(-logit - sign * half)) for sign in (-1, 1)]
    assert value.ci95 == pytest.approx(expected, abs=1e-4)
    assert value.n == 110
    assert row.seeds == (0, 1, 2)
    assert row.runs == tuple(records[seed].run_id for seed in (0, 1, 2))
    assert row.cost["train_seconds"] == 11.0


def _target(weights):
    return TargetRecord(weights_hash=weights * 64, tuning="full", cached=True, training={})


def test_runs_of_different_targets_are_never_averaged(make_record, save):
    store = save(
        make_record(metrics={"success_avg": 10.0}, target=_target("a")),
        make_record(metrics={"success_avg": 20.0}, target=_target("a"), seed=1),
        make_record(metrics={"success_avg": 90.0}, target=_target("b"), seed=2),
        make_record("vanilla", metrics={"success_avg": 50.0}, target=_target("b")),
        make_record(metrics={"success_avg": 70.0}, seed=3),  # it names no target
    )
    board = build_board(store)
    found = {
        (row.method, row.seeds, row.metrics["success_avg"].value)
        for group in board.groups
        for row in group.rows
    }
    assert found == {
        ("memflex", (0, 1), 15.0),
        ("memflex", (2,), 90.0),
        ("memflex", (3,), 70.0),
        ("vanilla", (0,), 50.0),
    }
    tables = [{row.seeds for row in group.rows} for group in board.groups]
    assert {(2,), (0,)} in tables  # vanilla stands with the runs of its target alone
    titles = group_titles(board)
    assert len(set(titles)) == len(titles) == 3


def _on_targets(make_record, method, targets, seeds=(0, 1)):
    return [
        make_record(method, target_recipe={"epochs": 22, "seed": target}, seed=seed)
        for target in targets
        for seed in seeds
    ]


def test_rows_of_unequal_targets_say_so(make_record, save):
    store = save(
        *_on_targets(make_record, "vanilla", (0, 1), seeds=(0,)),
        *_on_targets(make_record, "memflex", (0,)),
        *_on_targets(make_record, "kl", (1,)),
        *_on_targets(make_record, "idk", (1,), seeds=(0,)),
        *_on_targets(make_record, "npo", (0, 1)),
    )
    [group] = build_board(store).groups
    assert {label.name: label.details for label in row_labels(group)} == {
        "vanilla": ("2 runs: 1 seed, 2 target seeds",),
        "memflex": ("2 seeds of target seed 0",),
        "kl": ("2 seeds of target seed 1",),
        "idk": ("target seed 1",),
        "npo": ("4 runs: 2 seeds, 2 target seeds",),
    }
    [note] = [text for text in group_notes(group) if "target models" in text]
    assert (
        "(1 row of target seed 0, 1 row of target seeds 0 and 1, 2 rows of target seed 1)" in note
    )


@pytest.mark.parametrize("targets", [(0,), (0, 1)])
def test_rows_of_equal_targets_say_nothing_of_them(make_record, save, targets):
    store = save(
        *_on_targets(make_record, "vanilla", (0,), seeds=(0,)),
        *_on_targets(make_record, "memflex", targets),
        *_on_targets(make_record, "npo", targets),
    )
    [group] = build_board(store).groups
    assert not [text for text in group_notes(group) if "target models" in text]
    assert not any("of target seed" in text for one in row_labels(group) for text in one.details)


def test_a_run_without_a_target_stands_with_the_others_of_one_target(make_record, save):
    store = save(make_record(target=_target("a")), make_record("external"))
    [group] = build_board(store).groups
    assert {row.method for row in group.rows} == {"memflex", "external"}


def test_vanilla_is_that_of_the_same_target(make_record, save):
    vanilla = make_record("vanilla", target=_target("a"))
    own, other = make_record(target=_target("a")), make_record(seed=1, target=_target("b"))
    store = save(vanilla, own, other)
    assert target_row_of(own, store) == vanilla
    assert target_row_of(other, store) is None


def test_a_value_that_one_seed_lacks_is_no_value(make_record, save):
    store = save(
        make_record(metrics={"a": 1.0, "b": 2.0}),
        make_record(metrics={"a": None, "b": 4.0}, seed=1),
    )
    [row] = build_board(store).groups[0].rows
    assert row.metrics["a"].value is None
    assert row.metrics["a"].ci95 is None
    assert row.metrics["b"].value == 3.0


def test_cost_is_the_mean_of_the_runs_that_have_one(make_record, save):
    store = save(
        make_record(cost=CostRecord(peak_memory_gb=2.0)),
        make_record(seed=1, cost=CostRecord()),
    )
    [row] = build_board(store).groups[0].rows
    assert row.cost["peak_memory_gb"] == 2.0
    assert row.cost["train_seconds"] is None


def test_configuration_tuning_and_method_version_make_rows(make_record, save):
    store = save(
        make_record(config={"lr": 0.1}),
        make_record(config={"lr": 0.1}, seed=1),
        make_record(config={"lr": 0.2}),
        make_record(config={"lr": 0.1}, tuning="lora", lora=LORA),
        make_record(config={"lr": 0.1}, method_version=2),
    )
    [group] = build_board(store).groups
    assert sorted(len(row.seeds) for row in group.rows) == [1, 1, 1, 2]
    assert {row.spec.tuning for row in group.rows} == {"full", "lora"}


@pytest.mark.parametrize(
    "change",
    [
        {"task": "other"},
        {"task_version": 2},
        {"data_hash": "12" * 32},
        {"model": "other"},
        {"base_hash": "12" * 32},
        {"target_tuning": "lora", "lora": LORA},
        {"dtype": "bfloat16"},
        {"target_recipe": {"epochs": 3}},
        {"template": "chat"},
        {"evaluation": EvaluationSettings(metrics=("success_avg",), engine="hf", max_length=64)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_cannot_be_compared_is_never_in_one_group(make_record, save, change):
    board = build_board(save(make_record(), make_record(**change)))
    assert [len(group.rows) for group in board.groups] == [1, 1]


def test_a_given_target_asked_in_two_templates_makes_two_groups(make_record, save):
    given = {"target_hash": "34" * 32, "target_recipe": {}}
    store = save(make_record(**given), make_record(**given, template="chat"))
    assert [len(group.rows) for group in build_board(store).groups] == [1, 1]


def test_adapters_of_the_target_make_groups_and_of_a_row_do_not(make_record, save):
    more = LORA | {"r": 16}
    store = save(
        make_record(target_tuning="lora", tuning="lora", lora=LORA),
        make_record(target_tuning="lora", tuning="lora", lora=more),
    )
    assert len(build_board(store).groups) == 2
    store = save(make_record(tuning="lora", lora=LORA), make_record(tuning="lora", lora=more))
    assert sorted(len(group.rows) for group in build_board(store).groups) == [1, 1, 2]


def test_columns_are_the_metrics_in_the_records_order_the_headline_first(make_record, save):
    metrics = {"retention_ppl": 1.0, "success_avg": 2.0, "mia": 3.0}
    [group] = build_board(save(make_record(metrics=metrics))).groups
    assert group.columns == (
        Column("success_avg", "%", "higher", leads=True),
        Column("retention_ppl", "perplexity", "lower"),
        Column("mia", "%", "match_reference"),
    )


def test_examples_of_one_group_are_resampled_together(make_record, save_numbers, store):
    # Ten authors with forty equal answers each are ten observations.
    values = [100.0 * (at % 2) for at in range(10) for _ in range(40)]
    authors = [str(at) for at in range(10) for _ in range(40)]
    widths = []
    for groups in (authors, ()):
        record = make_record(metrics={"success_avg": (50.0, 45.0, 55.0)})
        save_numbers(record, {"retain": {"success_avg": values}}, groups)
        [group] = build_board(store).groups
        [piece] = group.rows[0].metrics["success_avg"].sampled.estimate().pieces
        widths.append((piece.variance**0.5, piece.freedom))
    assert widths == [
        (pytest.approx(50.0 / 3.0), 9),
        (pytest.approx(50.0 / 399.0**0.5), 399),
    ]


def test_partial_failed_and_running_records_are_counted_not_ranked(make_record, save):
    store = save(
        make_record(),
        make_record(limit=5),
        make_record(seed=1, status="failed", error="MethodError: no"),
        make_record(seed=2, status="running"),
        make_record(seed=3, status="running"),
    )
    board = build_board(store)
    assert [len(row.seeds) for group in board.groups for row in group.rows] == [1]
    assert board.notes == ("not ranked: 1 partial (limited data), 1 failed, 2 running",)
    assert board.narrowed(tasks=["other"]).notes == ()


def test_records_that_cannot_be_read_are_reported_and_kept(make_record, save, store):
    save(make_record())
    half, other = make_record(seed=1), make_record(seed=2)
    half_path, other_path = store.save(half), store.save(other)
    half_path.write_text(half_path.read_text()[:500])
    content = json.loads(other_path.read_text()) | {"schema_version": 99, "new_field": 1}
    other_path.write_text(json.dumps(content))
    binary = other_path.parents[1] / "binary" / "run.json"
    binary.parent.mkdir()
    binary.write_bytes(b"\xff\xfe\x00")
    before = sorted(store.root.rglob("*"))

    board = build_board(store)
    assert len(board.groups) == 1
    assert len(board.warnings) == 3
    assert all(line.startswith("skipped ") for line in board.warnings)
    text = "\n".join(board.warnings)
    assert str(half_path) in text
    assert "schema version 99" in text
    assert sorted(store.root.rglob("*")) == before


def test_a_copied_folder_does_not_count_as_a_seed(make_record, save):
    store = save(make_record())
    [path] = store.paths()
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    board = build_board(store)
    assert board.groups[0].rows[0].seeds == (0,)
    assert "count twice" in board.warnings[0]


def test_a_row_has_the_warnings_of_its_runs_once(make_record, save):
    store = save(
        make_record(warnings=["collapsed", "cut"]), make_record(seed=1, warnings=["collapsed"])
    )
    assert build_board(store).groups[0].rows[0].warnings == ("collapsed", "cut")


def test_numbers_too_large_for_an_interval_have_none(make_record, save):
    store = save(
        make_record(metrics={"own": 1e305}),
        make_record(metrics={"own": -0.5e305}, seed=1),
    )
    value = build_board(store).groups[0].rows[0].metrics["own"]
    assert value.value == pytest.approx(0.25e305, rel=1e-3)
    assert value.ci95 is None


def test_narrowed_keeps_tasks_models_and_metrics(make_record, save):
    metrics = {"success_avg": 1.0, "mia": 2.0}
    board = build_board(
        save(
            make_record(metrics=metrics),
            make_record(metrics=metrics, task="other"),
            make_record(metrics=metrics, model="big"),
        )
    )
    assert [g.spec.task for g in board.narrowed(tasks=["other"]).groups] == ["other"]
    assert [g.spec.model for g in board.narrowed(models=["big", "huge"]).groups] == ["big"]
    assert board.narrowed(models=["huge"]).groups == ()
    assert {c.name for g in board.narrowed(metrics=["mia"]).groups for c in g.columns} == {"mia"}
    assert board.narrowed() == board


def test_no_folder_is_an_empty_board(store):
    board = build_board(store)
    assert (board.groups, board.notes, board.warnings) == ((), (), ())


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_target_row_of_a_run_under_a_fresh_adapter(make_record, save, tuning):
    vanilla = make_record("vanilla")
    record = make_record(tuning=tuning, lora=LORA if tuning == "lora" else None, seed=3)
    store = save(vanilla, record, make_record("vanilla", tuning="lora", lora=LORA))
    found = target_row_of(record, store)
    assert found is not None
    assert found.run_id == vanilla.run_id


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 5},
        {"data_hash": "12" * 32},
        {"status": "failed"},
        {"target_tuning": "lora", "lora": LORA},
        {"dtype": "bfloat16"},
        {"metrics": {"other": 1.0}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_target_row_of_another_target_is_not_shown(make_record, save, change):
    record = make_record()
    assert target_row_of(record, save(record, make_record("vanilla", **change))) is None


runs = st.lists(
    st.tuples(
        st.sampled_from(["vanilla", "retrain", "a", "b"]),
        st.sampled_from([0.1, 0.2]),
        st.integers(0, 2),
        st.sampled_from(["path", "standin"]),
    ),
    unique=True,
    max_size=12,
)


@pytest.mark.slow
@given(runs, st.data())
def test_every_run_is_in_exactly_one_row(make_record, tmp_path_factory, runs, data):
    from unharness.records.store import RecordStore

    store = RecordStore(tmp_path_factory.mktemp("results"))
    for method, lr, seed, source in runs:
        value = data.draw(st.none() | finite)
        store.save(
            make_record(
                method,
                {"success_avg": value},
                seed=seed,
                config={"lr": lr},
                data_source=source,
                data_hash=("ab" if source == "path" else "cd") * 32,
            )
        )
    board = build_board(store, "success_avg")
    rows = [row for group in board.groups for row in group.rows]
    assert len(rows) == len({(method, lr, source) for method, lr, _, source in runs})
    assert sorted(run for row in rows for run in row.runs) == sorted(
        path.parent.name for path in store.paths()
    )
    for group in board.groups:
        assert len({row.spec.data_hash for row in group.rows}) == 1
        ranks = [{"vanilla": 0, "retrain": 1}.get(row.method, 2) for row in group.rows]
        assert ranks == sorted(ranks)
        values = [row.metrics["success_avg"].value for row in group.rows if row.method in "ab"]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=True)
        assert values == known + [None] * (len(values) - len(known))


def test_a_given_target_never_stands_with_a_trained_one(make_record, save):
    given = {"target_hash": "1" * 64}
    board = build_board(
        save(
            make_record("kl"),
            make_record("kl", config={"lr": 1}, **given),
            # What retrains names the base; the target is the same.
            make_record("retrain", base_hash="2" * 64, **given),
            make_record("kl", config={"lr": 1}, **given | {"target_hash": "3" * 64}),
        )
    )
    assert sorted(len(group.rows) for group in board.groups) == [1, 1, 2]
    titles = [group.title for group in board.groups]
    assert len(set(titles)) == 3
    assert sum("target: given" in title for title in titles) == 2


def test_a_row_that_stops_says_so_and_so_does_the_one_beside_it(make_record, save):
    stopped = make_record("kl", {"own": 60.0}, config={"lr": 0.1, "stop_after": 5})
    whole = make_record("kl", {"own": 70.0}, config={"lr": 0.1})
    [group] = build_board(save(stopped, whole)).groups
    found = {detail for label in row_labels(group) for detail in label.details}
    assert {"stop_after=5", "stop_after=none"} <= found
    assert not any(detail.startswith("lr") for detail in found)
