"""Axes: what each column says something about, and what it stands under."""

import json

import pytest

from unharness import Composite, MetricUse, Task
from unharness.records.record import RankingRecord
from unharness.registry import registry
from unharness.report.axes import axis_of, first_headings, in_order
from unharness.report.build import build_board
from unharness.report.formats import to_json, to_markdown
from unharness.report.ranking import Column

NAME = "knowundo-privacy"
ROLES = {"asked": "forget", "kept": "retain", "others": "holdout", "world": "utility"}


@pytest.fixture
def record(make_record):
    """One column a split, one set against the holdout, a membership metric, and composites."""
    names = ("asked", "kept", "world", "leak", "auc", "both", "twice", "general/mmlu")
    found = make_record(metrics=dict.fromkeys(names, 1.0))
    found.data.splits = {name: {"n": 9, "role": role} for name, role in ROLES.items()}
    for name in ("asked", "kept", "world"):
        found.metrics[name].split = name
    found.metrics["leak"].split, found.metrics["leak"].against = "asked", "others"
    found.metrics["auc"].split, found.metrics["auc"].metric = "asked", "auc_retrained"
    found.metrics["both"].params = {"of": ["asked", "kept"]}
    found.metrics["twice"].params = {"of": ["asked", "asked"]}
    return found


def test_an_axis_follows_from_split_metric_and_parts(record):
    found = {name: axis_of(name, record, RankingRecord()) for name in record.metrics}
    assert found == {
        **{"asked": "forget", "kept": "retain", "world": "utility", "leak": "privacy"},
        **{"auc": "privacy", "both": None, "twice": "forget", "general/mmlu": "general"},
    }


def test_what_the_task_names_wins_and_a_pattern_names_every_split(record):
    uses = (
        MetricUse("anything", "asked", label="asked", axis="robustness"),
        Composite("both", of=("asked", "kept"), axis="utility"),
        MetricUse("k", axis="cost"),
    )

    class Named(Task):
        headline, forget_axis, retain_axes, metrics = "both", None, (), uses

    ranking = RankingRecord.of(Named)
    assert ranking.axes == {"asked": "robustness", "both": "utility", "k_*": "cost"}
    assert axis_of("asked", record, ranking) == "robustness"
    assert axis_of("both", record, ranking) == "utility"
    assert axis_of("kept", record, ranking) == "retain"


def test_an_axis_that_is_none_is_refused():
    class Named(Task):
        headline, forget_axis, retain_axes = "a", None, ()
        metrics = (MetricUse("a", "b", axis="kindness"),)

    with pytest.raises(ValueError, match="kindness"):
        RankingRecord.of(Named)


def test_the_headline_leads_and_neighbours_share_a_heading(record, save, monkeypatch):
    monkeypatch.setattr(registry().get("tasks", NAME), "headline", "kept")
    board = build_board(save(record))
    [group] = board.groups
    assert [column.name for column in group.columns] == [
        *("kept", "both", "asked", "twice", "leak", "auc", "world", "general/mmlu")
    ]
    assert first_headings(group.columns) == [
        *("", "", "Forget", "", "Privacy", "", "Utility", "General")
    ]
    [row] = json.loads(to_json(board))
    assert row["metrics"]["kept"]["axis"] == "retain"
    assert row["metrics"]["both"]["axis"] is None
    assert "| Kept ↑ | Both ↑ | Forget: Asked ↑ | Twice ↑ | Privacy: Leak ↑ |" in to_markdown(board)


def test_order_is_stable_within_an_axis():
    given = [
        Column(name, "%", "higher", axis="retain" if name[0] == "r" else "forget")
        for name in ("r2", "f2", "r1", "f1")
    ]
    assert [column.name for column in in_order(given)] == ["f2", "f1", "r2", "r1"]
