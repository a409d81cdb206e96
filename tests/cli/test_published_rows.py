"""Published numbers as rows: marked, with their source, never ranked."""

import csv
import io
import json
import math
from pathlib import Path

import pytest

from unharness.registry import registry
from unharness.report.build import build_board
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.html.payload import payload
from unharness.report.latex import to_latex
from unharness.report.published import load_published, published_names
from unharness.report.published_rows import nothing_published, with_published

NOWHERE = Path("/nowhere")
LLAMA = "meta-llama/Llama-2-7b-chat-hf"
OTHERS = {"ails-ntua", "zjuklab", "sha256", "npo-alone", "npo-kl", "whp"}
"""Methods and systems that are none of ours, or ours with another retain loss."""
METRICS = {"unlearn_success": (60.0, 55.0, 65.0), "success_avg": (70.0, 65.0, 75.0)}


@pytest.fixture
def paper():
    return load_published("knowundo-paper", NOWHERE)


@pytest.fixture
def shown(make_record, save, paper):
    store = save(
        make_record("vanilla", METRICS, model=LLAMA), make_record("memflex", METRICS, model=LLAMA)
    )
    return with_published(build_board(store, "success_avg"), [paper])


def test_they_stand_below_ours_and_change_no_rank(shown, store):
    [group] = shown.groups
    plain = build_board(store, "success_avg").groups[0]
    assert (group.rows, group.ranks, group.best) == (plain.rows, plain.ranks, plain.best)
    lines = to_markdown(shown).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[2].startswith("| vanilla |")
    assert rows[3].startswith("| memflex |")
    vanilla = "| Vanilla model (published: knowundo-paper) | 50.0 | 0.0 |"
    assert rows[4].startswith(vanilla)
    assert len({line.count("|") for line in rows}) == 1
    assert any(
        "Published, not ranked: KnowUnDo (Tian et al. 2024), arXiv:2407.01920v2" in one
        for one in lines
    )


def test_every_format_marks_them(call, shown, store, paper):
    rows = json.loads(to_json(shown))
    assert "published" not in rows[1]
    assert rows[2]["published"] == "knowundo-paper"
    assert rows[2]["metrics"]["unlearn_ppl"] == {"value": 1.02}
    lines = list(csv.DictReader(io.StringIO(to_csv(shown))))
    assert lines[2]["chosen"] == "published: knowundo-paper"
    assert (lines[2]["method"], lines[2]["success_avg"]) == ("vanilla", "50.0")
    assert "(published: knowundo-paper)" in to_latex(shown)
    [page] = payload(shown, store)["groups"]
    assert page["published"][0]["cells"]["success_avg"] == "50.0"
    flags = ("leaderboard", "--results", store.root, "--published")
    code, out, err = call(*flags, "all")
    assert (code, err) == (0, "")
    assert "published: knowundo-paper" in out
    assert call(*flags, "knowundo-papr")[0] == 2


def test_other_models_and_standins_have_none(make_record, save, paper):
    board = with_published(build_board(save(make_record("memflex", METRICS))), [paper])
    assert not board.groups[0].published
    assert "Llama-2-7b-chat-hf" in nothing_published(board, [paper])


def test_the_built_in_files_are_of_columns_that_their_tasks_have():
    from unharness.data.named_task import make_task
    from unharness.evaluation.columns import is_general
    from unharness.evaluation.uses import labels_of

    names = published_names(NOWHERE)
    assert {"knowundo-paper", "open-unlearning", "semeval-2025"} <= set(names)
    methods = set(registry().names("methods"))
    for name in set(names) - {"knowundo-paper"}:  # its prompts and costs have names of their own
        for table in load_published(name, NOWHERE).tables:
            task = make_task(table.task, registry())
            assert task.full_name == table.task
            labels = set(labels_of(task.metrics))
            assert all(one in labels or is_general(one) for one in table.columns())
            if not_ours := {row.method for row in table.rows} - methods:
                assert not_ours <= OTHERS


def test_open_unlearnings_numbers_are_in_our_units():
    found = load_published("open-unlearning", NOWHERE)
    table = found.main_table("tofu", "meta-llama/Llama-3.2-1B-Instruct", "hub")
    cells = table.row("gradient-ascent").cells
    assert cells["forget_quality"].value == pytest.approx(math.log10(1.06e-239), abs=0.01)
    assert cells["model_utility"].value == 0.0
    target = table.row("vanilla").cells
    assert target["forget_quality"].value == pytest.approx(math.log10(1.66e-21), abs=0.01)
    assert (target["model_utility"].value, target["forget_truth_ratio"].value) == (60.0, 48.0)
    assert found.licence
