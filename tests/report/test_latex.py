import re

import pytest

from unharness.report.build import build_board
from unharness.report.column_choice import choose_columns
from unharness.report.latex import escaped, to_latex

METRICS = {
    "unlearn_success": (90.0, 89.0, 91.0),
    "retention_success": (70.0, 69.0, 71.0),
    "success_avg": (80.0, 79.0, 81.0),
    "general/general_facts": (50.0, 49.0, 51.0),
}


SPLITS = {"unlearn_success": "forget_eval", "retention_success": "retain_eval"}
ROLES = {"forget_eval": "forget", "retain_eval": "retain"}


@pytest.fixture
def with_splits(make_record):
    """make_record, each column with its split, and each split with its role."""

    def make(*given):
        record = make_record(*given)
        for name, split in SPLITS.items():
            record.metrics[name].split = split
        record.data.splits = {name: {"n": 9, "role": role} for name, role in ROLES.items()}
        return record

    return make


def test_columns_stand_under_their_axis_and_every_row_has_as_many(with_splits, save):
    worse = {name: tuple(value - 20 for value in given) for name, given in METRICS.items()}
    store = save(
        with_splits("vanilla", METRICS), with_splits("a_b", METRICS), with_splits("c", worse)
    )
    text = to_latex(build_board(store))
    parts = re.findall(r"multicolumn\{1\}\{c\}\{([^}]*)\}", text)
    assert parts == ["", "Forget", "Retain", "General"]
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    width = len(re.search(r"tabular\}\{(\w+)\}", text)[1])
    assert width == 5
    assert all(len(re.split(r"(?<!\\)&", line)) == width for line in rows)
    (best,) = [line for line in rows if line.startswith(r"a\_b")]
    assert best.count(r"\textbf{") == 4
    assert r"\textbf{90.0} {\scriptsize [89.0, 91.0]}" in best
    for name in ("toprule", "midrule", "bottomrule"):
        assert rf"\{name}" in text
    assert text.count("{") == text.count("}")


def test_costs_are_there_where_they_were_asked_for(with_splits, save):
    board = choose_columns(
        build_board(save(with_splits("c", METRICS))), ["forget", "seconds_per_step", "cost"]
    )
    rows = [line for line in to_latex(board).splitlines() if line.endswith(r"\\")]
    assert rows[0].endswith(r"\multicolumn{1}{c}{Forget} & \multicolumn{4}{c}{Cost} \\")
    assert all(len(re.split(r"(?<!\\)&", line)) == 6 for line in rows[1:])


def test_every_special_character_is_escaped():
    assert escaped(r"50% of a_b & {c} #1 ~ ^ $ \x") == (
        r"50\% of a\_b \& \{c\} \#1 \textasciitilde{} \textasciicircum{} \$ \textbackslash{}x"
    )


def test_an_empty_board_is_nothing(store):
    assert to_latex(build_board(store)) == ""
