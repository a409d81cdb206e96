"""`leaderboard --columns`: labels, patterns, axes and presets."""

import csv
import io
import json

import pytest

from unharness.errors import UnknownNameError, UsageError
from unharness.report.build import build_board
from unharness.report.column_choice import choose_columns, task_presets

NAMES = ("success_avg", "unlearn_success", "unlearn_ppl", "retention_success", "general/mmlu")


@pytest.fixture
def board(make_record, save):
    one = make_record(metrics=dict.fromkeys(NAMES, 50.0))
    one.data.splits = {"forget_eval": {"n": 9, "role": "forget"}}
    for name in ("unlearn_success", "unlearn_ppl"):
        one.metrics[name].split = "forget_eval"
    one.metrics["unlearn_ppl"].detail = True
    return build_board(save(one, make_record(metrics={"own_metric": 1.0}, task="other")))


def chosen(board, *words):
    return [
        [*(column.name for column in group.shown), *group.costs]
        for group in choose_columns(board, words).groups
    ]


def test_words_are_labels_patterns_axes_and_costs_in_their_order(board):
    assert chosen(board, "retention_success", "success_avg") == [
        ["retention_success", "success_avg"]
    ]
    assert chosen(board, "un*", "success_avg") == [
        ["unlearn_success", "unlearn_ppl", "success_avg"]
    ]
    assert chosen(board, "forget", "general") == [["unlearn_success", "unlearn_ppl", NAMES[-1]]]
    assert chosen(board, "own_metric", "seconds_per_step") == [
        ["seconds_per_step"],
        ["own_metric", "seconds_per_step"],
    ]


def test_a_preset_is_of_its_tasks_tables(board):
    [table] = chosen(board, "knowundo-paper")
    assert table == [
        *("unlearn_success", "unlearn_ppl", "retention_success", "success_avg", "general/mmlu"),
        *("seconds_per_step", "peak_memory_gb"),
    ]


def test_rwku_s_preset_has_the_paper_s_columns():
    assert task_presets()["rwku"]["rwku-paper"] == (
        *("forget_level1_rouge", "forget_level2_rouge", "forget_level3_rouge", "forget_rouge"),
        *("neighbor_level1_rouge", "neighbor_level2_rouge", "neighbor_rouge"),
        *("forget_mia_nats", "retain_mia_nats", "general/mmlu", "fluency_entropy"),
    )


def test_the_presets_of_built_in_tasks_name_columns_that_they_have():
    from fnmatch import filter as matching

    from unharness.evaluation.uses import labels_of
    from unharness.registry import registry
    from unharness.report.rows import COSTS

    presets = task_presets()
    assert {"tofu-paper", "open-unlearning"} <= set(presets["tofu"])
    for task, named in presets.items():
        known = [*labels_of(registry().get("tasks", task).metrics), *COSTS, "general/mmlu"]
        for words in named.values():
            assert all(matching(known, word) or word == "general_avg" for word in words)


def test_a_word_that_stands_for_nothing_is_refused_with_the_nearest(board):
    with pytest.raises(UnknownNameError, match="Did you mean own_metric"):
        choose_columns(board, ["own_metrik"])
    with pytest.raises(UnknownNameError, match="Known: .*cost, forget.*tofu-paper"):
        choose_columns(board, ["qqqq*"])
    with pytest.raises(UsageError, match="no table here has a column of robustness"):
        choose_columns(board, ["robustness"])
    with pytest.raises(UsageError, match="no table here"):
        choose_columns(board, ["forget_quality"])


def test_the_command_takes_lists_and_ranks_as_before(call, board, store):
    flags = ("leaderboard", "--results", store.root, "--columns")
    code, out, _ = call(*flags, "retention_success,cost", "--format", "markdown")
    assert code == 0
    assert "| Method | Retain ↑ | Train s | Step s | Peak GB | Trained parameters |" in out
    rows = json.loads(call(*flags, "general", "--columns", "un*", "--format", "json")[1])
    assert [list(row["metrics"]) for row in rows] == [
        ["general/mmlu", "unlearn_success", "unlearn_ppl"]
    ]
    _, out, _ = call(*flags, "general", "--format", "csv")
    assert "unlearn_success" not in next(csv.reader(io.StringIO(out)))
    for wrong in (("genera",), ("general", "--metric", "success_avg")):
        assert call(*flags, *wrong)[0] == 2
