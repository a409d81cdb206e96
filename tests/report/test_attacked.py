"""Rows under attack: beside the plain ones, never ranked with them."""

import csv
import io
import json

import pytest
from rich.console import Console

from unharness.records.spec import EvaluationSettings
from unharness.records.stage_specs import AttackUse
from unharness.report.build import build_board
from unharness.report.comparable import target_row_of
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.table import print_board

NAMES = ("unlearn_success", "retention_success", "success_avg", "unlearn_ppl")


@pytest.fixture
def made(make_record):
    """made(method, unlearn, retain, prompt=…, text=…, seed=…) -> a record."""

    def make(method, unlearn, retain, *, prompt="none", text="", **changes):
        values = (unlearn, retain, (unlearn + retain) / 2, 2.0)
        settings = EvaluationSettings(metrics=NAMES, engine="hf")
        uses = (AttackUse(name="prompt", config={"text": text}),) if text else ()
        changes = {"attacks": uses, "attack_name": prompt} | changes
        metrics = dict(zip(NAMES, values, strict=True))
        return make_record(method, metrics, evaluation=settings, **changes)

    return make


ASSISTANT = {"prompt": "assistant", "text": "You are a helpful assistant."}


@pytest.fixture
def board(made, save):
    return build_board(
        save(
            made("vanilla", 0.0, 100.0),
            made("vanilla", 3.0, 90.0, **ASSISTANT),
            made("memflex", 80.0, 82.0),
            made("memflex", 84.0, 78.0, seed=1),
            made("memflex", 90.0, 70.0, **ASSISTANT),
            made("memflex", 92.0, 64.0, seed=1, **ASSISTANT),
            made("memflex", 99.0, 99.0, seed=2, **ASSISTANT),  # has no plain counterpart
            made("kl", 60.0, 60.0),
        )
    )


def row_of(board, method):
    [group] = board.groups
    [row] = [row for row in group.rows if row.method == method]
    return row


def test_one_group_one_row_a_method(board):
    [group] = board.groups
    assert [row.method for row in group.rows] == ["vanilla", "kl", "memflex"]
    memflex = row_of(board, "memflex")
    assert memflex.seeds == (0, 1)
    assert memflex.metrics["unlearn_success"].value == pytest.approx(82.0)
    assert len(memflex.runs) == 2
    assert row_of(board, "kl").attacks == {}


def test_changes_are_paired_by_seed(board):
    seen = row_of(board, "memflex").attacks["assistant"]
    assert seen.prompt == ASSISTANT["text"]
    assert seen.seeds == (0, 1, 2)
    assert seen.metrics["unlearn_success"].value == pytest.approx((90 + 92 + 99) / 3)
    assert seen.changes["unlearn_success"].value == pytest.approx((10 + 8) / 2)
    assert seen.changes["retention_success"].value == pytest.approx((-12 - 14) / 2)
    # t interval of two differences: mean ± 12.706 · s / sqrt(2), s = sqrt(2).
    low, high = seen.changes["unlearn_success"].ci95
    assert (low, high) == pytest.approx((9 - 12.7062, 9 + 12.7062), abs=1e-3)
    vanilla = row_of(board, "vanilla").attacks["assistant"]
    assert vanilla.changes["retention_success"].value == -10.0
    assert vanilla.changes["retention_success"].ci95 is None


def test_a_row_with_prompts_alone_has_no_values_and_is_ranked_last(made, save):
    board = build_board(save(made("memflex", 99.0, 99.0, **ASSISTANT), made("kl", 60.0, 60.0)))
    [group] = board.groups
    assert [row.method for row in group.rows] == ["kl", "memflex"]
    row = row_of(board, "memflex")
    assert row.metrics["success_avg"].value is None
    assert (row.seeds, row.runs) == ((), ())
    assert row.attacks["assistant"].metrics["success_avg"].value == 99.0
    assert row.attacks["assistant"].changes["success_avg"].value is None
    assert "– → 99.0" in to_markdown(board)
    [line] = [line for line in csv.DictReader(io.StringIO(to_csv(board))) if line["seeds"] == "0"][
        1:
    ]
    assert line["prompt"] == "assistant"


def test_two_texts_of_one_name_are_two_prompts(made, save):
    first, second = ({"prompt": "own.txt", "text": text} for text in ("Be brief.", "Be long."))
    board = build_board(
        save(made("kl", 1.0, 1.0), made("kl", 2.0, 2.0, **first), made("kl", 3.0, 3.0, **second))
    )
    prompts = row_of(board, "kl").attacks
    assert len(prompts) == 2
    assert all(name.startswith("own.txt ") and len(name) == 14 for name in prompts)
    assert {seen.prompt for seen in prompts.values()} == {"Be brief.", "Be long."}


def test_other_attacks_stand_apart_from_prompts(made, save):
    relearn = {
        "attacks": (AttackUse(name="relearn", config={"steps": 8}),),
        "attack_name": "relearn:steps=8",
    }
    board = build_board(
        save(
            made("kl", 50.0, 60.0),
            made("kl", 20.0, 70.0, **relearn),
            made("kl", 1.0, 1.0, **ASSISTANT),
        )
    )
    [row] = json.loads(to_json(board))
    assert set(row["prompts"]) == {"assistant"}
    [(name, seen)] = row["attacks"].items()
    assert name == "relearn:steps=8"
    assert seen["uses"] == [{"name": "relearn", "version": 1, "config": {"steps": 8}}]
    assert seen["changes"]["unlearn_success"]["value"] == -30.0
    lines = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert [(line["prompt"], line["attack"]) for line in lines] == [
        ("none", "none"),
        ("assistant", "none"),
        ("none", "relearn:steps=8"),
    ]


def test_general_text_makes_another_row(made, save):
    board = build_board(
        save(
            made("kl-ood", 1.0, 1.0, streams={"general": "a" * 64}),
            made("kl-ood", 2.0, 2.0, streams={"general": "b" * 64}),
        )
    )
    [group] = board.groups
    assert len(group.rows) == 2
    text = to_markdown(board)
    assert "general=aaaaaa" in text
    assert "general=bbbbbb" in text


def test_target_row_of_compares_under_the_same_attack(made, save):
    plain, prompted = made("vanilla", 0.0, 100.0), made("vanilla", 3.0, 90.0, **ASSISTANT)
    store = save(plain, prompted)
    assert target_row_of(made("kl", 1.0, 1.0), store).run_id == plain.run_id
    assert target_row_of(made("kl", 1.0, 1.0, **ASSISTANT), store).run_id == prompted.run_id


def test_every_format_shows_them(board):
    console = Console(record=True, width=200, file=io.StringIO())
    print_board(board, console)
    text = console.export_text()
    assert "under attack" in text
    assert "82.0 → 93.7 (+9.0 [-3.7, 21.7])" in text
    assert "100.0 → 90.0 (-10.0)" in text
    markdown = to_markdown(board)
    assert "| Method | Attack | Avg ↑ | Unlearn ↑ | Retain ↑ |" in markdown
    assert "0.0 → 3.0 (+3.0) | 100.0 → 90.0 (-10.0) |" in markdown
    rows = json.loads(to_json(board))
    seen = rows[2]["prompts"]["assistant"]
    assert seen["changes"]["unlearn_success"]["value"] == pytest.approx(9.0)
    assert seen["seeds"] == [0, 1, 2]
    assert rows[1]["prompts"] == {}
    lines = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert [(line["method"], line["prompt"]) for line in lines] == [
        *(("vanilla", "none"), ("vanilla", "assistant"), ("kl", "none")),
        *(("memflex", "none"), ("memflex", "assistant")),
    ]
    assert lines[1]["train_seconds"] == ""
    assert float(lines[4]["unlearn_success"]) == pytest.approx(281 / 3)


def test_narrowing_narrows_them_too(board):
    few = board.narrowed(metrics=["retention_success"])
    assert "| Method | Attack | Retain ↑ |" in to_markdown(few)
    [first, *_] = json.loads(to_json(few))
    assert list(first["prompts"]["assistant"]["changes"]) == ["retention_success"]
