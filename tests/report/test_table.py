import io

import pytest
from rich.console import Console

from unharness.report.build import build_board
from unharness.report.table import print_board
from unharness.report.values import format_number

NAMES = (
    *("unlearn_success", "retention_success", "success_avg", "unlearn_ppl", "retention_ppl"),
    *("unlearn_rouge_l_forced", "retention_rouge_l_forced", "unlearn_rouge_l", "retention_rouge_l"),
)
VALUES = (12.3, 45.6, 78.9, 1.2345e10, 23456.7, 98.7, 65.4, 32.1, 87.6)
LORA = {"r": 8, "alpha": 16, "dropout": 0.1}


def metrics(scale=1.0):
    pairs = zip(NAMES, VALUES, strict=True)
    return {name: (scale * x, scale * x * 0.9, scale * x * 1.1) for name, x in pairs}


def printed(board, width=120, *, colour=False):
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="256" if colour else None,
    )
    print_board(board, console)
    return console.file.getvalue()


@pytest.fixture
def board(make_record, save):
    return build_board(
        save(
            make_record("vanilla", metrics(0.1)),
            make_record("retrain", metrics(0.2)),
            make_record("gradient-difference", metrics(0.5)),
            make_record("memflex", metrics(1.0)),
        )
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_narrow_console_leaves_out_columns_and_never_cuts_numbers(board, width):
    text = printed(board, width)
    assert "…" not in text
    absent = "".join(text.split("too narrow for")[1:]).split(";")[0].replace("\n", "")
    words = set(text.replace("–", " ").split())
    for row in board.groups[0].rows:
        for column in board.groups[0].columns:
            value = row.metrics[column.name]
            shown = {format_number(end, column.unit) for end in (value.value, *value.ci95)}
            left_out = column.name in absent.replace(" ", "").split(",")
            assert left_out or shown <= words
    table = [line for line in text.splitlines() if "─" in line or "  " in line]
    assert max(map(len, table)) <= width


def test_a_console_too_narrow_for_one_metric_still_gets_whole_numbers(board):
    words = printed(board, 10).replace("–", " ").split()
    assert {"78.9", "71.0", "86.8", "memflex", "gradient-difference"} <= set(words)


def test_a_wide_console_shows_everything(board):
    text = printed(board, 200)
    assert "too narrow" not in text
    for word in ("Unlearn ↑", "Retain ↑", "Avg ↑", "PPL ↓", "Forced ↓", "Train"):
        assert word in text


def test_forget_and_retain_go_in_turn(board):
    for width in range(60, 160, 10):
        text = printed(board, width)
        absent = "".join(text.split("too narrow for")[1:]).split(";")[0].replace("\n", " ")
        counts = [
            sum(name in absent.replace(",", "").split() for name in NAMES if name.startswith(side))
            for side in ("unlearn_", "retention_")
        ]
        assert abs(counts[0] - counts[1]) <= 1, (width, absent)


def test_the_headline_is_the_last_to_go(board):
    assert "Avg ↑" in printed(board, 30)
    assert "--format json|csv" in printed(board, 80).replace("\n", " ")


def test_references_stand_apart_and_the_best_is_green(board):
    lines = printed(board).splitlines()
    rules = [index for index, line in enumerate(lines) if "──" in line]
    place = {
        name: next(i for i, line in enumerate(lines) if name in line)
        for name in ("vanilla", "retrain", "memflex")
    }
    assert len(rules) == 4
    assert rules[1] < place["vanilla"] < place["retrain"] < rules[2] < place["memflex"] < rules[3]
    coloured = printed(board, 200, colour=True)
    assert "\x1b[1;32m" in coloured
    green = [part.split("\x1b")[0].strip() for part in coloured.split("\x1b[1;32m")[1:]]
    lower = {"retention_ppl", "unlearn_rouge_l_forced", "unlearn_rouge_l"}
    assert set(filter(None, green)) == {
        format_number(value * (0.5 if name in lower else 1.0), "" if "ppl" in name else "%")
        for name, value in zip(NAMES, VALUES, strict=True)
    }


def test_references_alone_end_with_one_rule(make_record, save):
    text = printed(build_board(save(make_record("vanilla"))))
    assert text.count(" ──") == 3


def test_rows_of_one_method_show_where_they_differ(make_record, save):
    store = save(
        make_record(config={"lr": 0.1, "epochs": 2}),
        make_record(config={"lr": 0.2, "epochs": 2}),
        make_record("npo", config={"lr": 0.3}),
        make_record("npo", config={"lr": 0.3}, seed=1),
    )
    text = printed(build_board(store))
    assert "lr=0.1" in text
    assert "lr=0.2" in text
    assert "epochs" not in text
    assert "lr=0.3" not in text
    assert text.count("2 seeds") == 1


def test_tuning_is_named_where_the_group_has_both(make_record, save):
    store = save(make_record(), make_record(tuning="lora", lora=LORA))
    text = printed(build_board(store))
    assert "memflex (full)" in text
    assert "memflex (lora)" in text
    assert "lora.r" not in text
    assert "(full)" not in printed(build_board(store).narrowed(tasks=["none"]))


def test_warnings_are_marked_and_listed(make_record, save):
    store = save(make_record(warnings=["it [bold]collapsed[/bold]"]), make_record("npo"))
    text = printed(build_board(store))
    assert "memflex !" in text
    assert "npo !" not in text
    assert "! it [bold]collapsed[/bold] · memflex" in text


def test_what_is_not_ranked_is_noted(make_record, save, store):
    save(make_record(), make_record(limit=3), make_record(seed=1, status="failed"))
    store.save(make_record(seed=2)).write_text("{")
    text = printed(build_board(store))
    assert "not ranked: 1 partial (limited data), 1 failed, 1 skipped (cannot be used)" in text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"model": "tiny"}, "nothing about large"), ({"data_source": "standin"}, "bundled stand-in")],
)
def test_what_the_numbers_cannot_say_is_said(make_record, save, change, sentence):
    plain = {"model": "llama", "data_source": "path"}
    assert sentence in printed(build_board(save(make_record(**(plain | change)))))


def test_neither_is_said_of_a_real_model_on_real_data(make_record, save):
    text = printed(build_board(save(make_record(model="llama"))))
    assert "large models" not in text
    assert "stand-in" not in text


def test_long_names_fold(make_record, save):
    name = "a-method-with-a-name-of-sixty-four-characters-which-is-the-most-01"[:64]
    text = printed(build_board(save(make_record(name))), 80)
    assert "".join(text.split()).count("a-method-with-a-name-of-sixty-four") == 1
    assert "…" not in text


def test_nothing_prints_nothing(store):
    assert printed(build_board(store)) == ""
