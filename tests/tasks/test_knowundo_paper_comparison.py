"""The paper's tables with our numbers."""

from pathlib import Path

import pytest

from unharness import Board, load_published
from unharness.records.record import CostRecord
from unharness.records.spec import EvaluationSettings
from unharness.records.stage_specs import AttackUse
from unharness.report.build import build_board
from unharness.report.published_comparison import compare_with, published_values
from unharness_tasks.knowundo.paper_comparison import BLANK, fill, values

LLAMA = "/models/Llama-2-7b-chat-hf"


@pytest.fixture(scope="module")
def paper():
    return load_published("knowundo-paper", Path("/nowhere"))


def cells(tables, method):
    """By table: a method's printed cells and ours, by column."""
    found = {}
    for table in tables:
        for row, line in zip(table.rows, table.lines(), strict=True):
            if row.method == method:
                found[table.source.table, table.source.task, table.source.model] = dict(
                    zip(table.columns(), line[1:], strict=True)
                )
    return found


def test_without_runs_all_of_ours_are_blank(paper):
    tables = fill(paper, Board())
    assert [table.source.table for table in tables] == ["2", "3", "6", "6", "4", "figure 5"]
    assert {ours for table in tables for line in table.lines() for _, ours in line[1:]} == {BLANK}
    assert all(cell["ours"] is None for cell in values(tables))
    assert len(values(tables)) == 4 * 9 * 13 + 8 * 2 + 4 * 4
    memflex = cells(tables, "memflex")["2", "knowundo-privacy", "Llama-2-7b-chat-hf"]
    assert memflex["success_avg"] == ("82.37", BLANK)
    assert memflex["unlearn_ppl"] == (">1e10", BLANK)


def test_the_order_is_the_paper_s(paper):
    for table in fill(paper, Board(), ["2", "3", "6"]):
        assert (table.rows[0].method, table.rows[-1].method) == ("vanilla", "memflex")
        assert table.columns()[:3] == ["unlearn_success", "unlearn_ppl", "unlearn_rouge_l_forced"]
        assert table.columns()[-1] == "general_avg"


def test_ours_are_filled_in(paper, make_record, save):
    metrics = {"unlearn_success": 80.0, "success_avg": 81.0, "general/mmlu": 44.0}
    cost = CostRecord(train_seconds=9.0, seconds_per_step=0.5, peak_memory_gb=12.25)
    board = build_board(
        save(
            make_record("memflex", metrics, model=LLAMA, cost=cost),
            make_record("memflex", {**metrics, "unlearn_success": 90.0}, model=LLAMA, seed=1),
        )
    )
    tables = fill(paper, board)
    found = cells(tables, "memflex")
    privacy = found["2", "knowundo-privacy", "Llama-2-7b-chat-hf"]
    assert privacy["unlearn_success"] == ("82.95", "85.0")  # the mean over two seeds
    assert privacy["general/mmlu"] == ("44.35", "44.0")
    assert privacy["general/race"] == ("42.58", BLANK)
    assert found["6", "knowundo-privacy", "Qwen1.5-7B-Chat"]["unlearn_success"][1] == BLANK
    costs = found["4", "knowundo-privacy", "Llama-2-7b-chat-hf"]
    assert costs["peak_memory_gb"] == ("19.90", "12.2")
    [cell] = [
        cell
        for cell in values(tables)
        if (cell["table"], cell["method"], cell["column"]) == ("2", "memflex", "unlearn_success")
    ]
    assert (cell["ours"], cell["paper"], len(cell["runs"])) == (85.0, {"value": 82.95}, 2)


SUITE = ("mmlu", "arc_challenge", "truthfulqa_mc1", "social_iqa", "race")


@pytest.mark.parametrize(
    ("tasks", "shown"),
    [(SUITE, "40.0"), (("general_facts",), BLANK), (SUITE[:2], BLANK), ((), BLANK)],
)
def test_an_average_stands_only_beside_one_of_the_same_tasks(
    paper, make_record, save, tasks, shown
):
    metrics = {f"general/{name}": 40.0 for name in tasks} | {"general_avg": 40.0}
    store = save(make_record(metrics=metrics, model=LLAMA), make_record("kl", metrics, model=LLAMA))
    board = build_board(store)
    key = ("2", "knowundo-privacy", "Llama-2-7b-chat-hf")
    assert cells(fill(paper, board), "memflex")[key]["general_avg"] == ("42.79", shown)
    [group] = board.groups
    found = compare_with(paper, group)
    assert ("general_avg" in [column.name for column in found.columns]) == (shown != BLANK)
    [row] = [row for row in group.rows if row.method == "memflex"]
    difference = published_values(group, row, paper)["metrics"]["general_avg"]["difference"]
    assert (difference is None) == (shown == BLANK)


def test_the_paper_s_preset_comes_first(paper, make_record, save):
    board = build_board(
        save(
            make_record(metrics={"success_avg": 99.0}, model=LLAMA, config={"lr": 1}),
            make_record(
                metrics={"success_avg": 70.0}, model=LLAMA, config={"lr": 2}, preset="paper (x)"
            ),
        )
    )
    found = cells(fill(paper, board), "memflex")["2", "knowundo-privacy", "Llama-2-7b-chat-hf"]
    assert found["success_avg"] == ("82.37", "70.0")


def test_another_model_only_when_it_is_asked_for_and_never_a_standin(paper, make_record, save):
    board = build_board(
        save(
            make_record(metrics={"success_avg": 77.0}, model="tiny"),
            make_record("kl", metrics={"success_avg": 66.0}, model="tiny", data_source="standin"),
        )
    )
    key = ("2", "knowundo-privacy", "Llama-2-7b-chat-hf")
    assert cells(fill(paper, board), "memflex")[key]["success_avg"][1] == BLANK
    tables = fill(paper, board, on="tiny")
    assert cells(tables, "memflex")[key]["success_avg"][1] == "77.0"
    assert cells(tables, "kl")[key]["success_avg"][1] == BLANK
    assert any("tiny, another model" in note for note in tables[0].notes)


def test_figure_5_shows_prompts(paper, make_record, save):
    def record(unlearn, text=""):
        settings = EvaluationSettings(metrics=("unlearn_success",), engine="hf")
        uses = (AttackUse(name="prompt", config={"text": text}),) if text else ()
        return make_record(
            metrics={"unlearn_success": unlearn},
            model=LLAMA,
            evaluation=settings,
            attacks=uses,
            attack_name="assistant" if text else "none",
        )

    board = build_board(save(record(80.0), record(88.0, "You are a helpful assistant.")))
    [figure] = fill(paper, board, ["figure 5"])
    shown = cells([figure], "memflex")["figure 5", "knowundo-privacy", "Llama-2-7b-chat-hf"]
    assert shown["unlearn_success"] == ("82.95", "80.0")
    assert shown["unlearn_success with prompt"] == ("91.24", "88.0")
    assert shown["retention_success with prompt"] == ("68.69", BLANK)


def test_misprints_are_noted_where_they_stand(paper):
    notes = {
        (table.source.table, table.source.task, table.source.model): table.notes
        for table in fill(paper, Board())
    }
    assert "41.54 is printed" in notes["2", "knowundo-privacy", "Llama-2-7b-chat-hf"][0]
    assert "49.93 is printed" in notes["6", "knowundo-copyright", "Qwen1.5-7B-Chat"][0]
    assert sum(bool(found) for found in notes.values()) == 3  # the cost table names its hardware
