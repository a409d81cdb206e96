import csv
import io
import json
import re

import pytest

from unharness.report.build import build_board
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.labels import metric_words
from unharness.report.rows import COSTS, Board
from unharness.report.values import format_number, shown_value


@pytest.fixture
def board(make_record, save):
    def metrics(unlearn, ppl):
        return {"unlearn_success": (unlearn, unlearn - 1, unlearn + 1), "unlearn_ppl": ppl}

    return build_board(
        save(
            make_record("vanilla", metrics(1.0, 1.01)),
            make_record("memflex", metrics(66.2, 1.2e10), config={"mu": "q0.9", "x": None}),
            make_record("memflex", metrics(68.2, 1.4e10), config={"mu": "q0.9", "x": None}, seed=1),
            make_record("npo", metrics(50.0, None), warnings=["collapsed"]),
        )
    )


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_json_has_exactly_the_public_fields(board):
    rows = json.loads(to_json(board))
    assert [row["method"] for row in rows] == ["vanilla", "memflex", "npo"]
    row = rows[1]
    runs = row.pop("runs")
    interval = row["metrics"]["unlearn_success"].pop("ci95")
    ppl = row["metrics"].pop("unlearn_ppl")
    assert len(set(runs)) == 2
    assert interval[0] < 67.2 < interval[1]
    assert set(ppl) == {"value", "ci95", "n", "axis", "components"}
    seeds = row["metrics"]["unlearn_success"].pop("components")["seeds"]
    assert seeds == pytest.approx(2**0.5)
    assert row == {
        "task": "knowundo-privacy",
        "data": {"source": "path", "hash": "ab" * 32},
        "model": "tiny",
        "tuning": "full",
        "method": "memflex",
        "hyperparameters": {"mu": "q0.9", "x": None},
        "chosen": "default",
        "seeds": [0, 1],
        "target_seeds": [0, 0],
        "origin": None,
        "ranked_by": None,
        "ranks": None,
        "metrics": {"unlearn_success": {"value": 67.2, "n": 110, "axis": None}},
        "cost": {
            "train_seconds": 10.5,
            "seconds_per_step": None,
            "peak_memory_gb": None,
            "trainable_parameters": 1000,
        },
        "front_of": [],
        "warnings": [],
        "prompts": {},
        "attacks": {},
    }
    assert rows[2]["metrics"]["unlearn_ppl"] == {
        **{"value": None, "ci95": None, "n": 0},
        "axis": None,
        "components": {},
    }
    assert rows[2]["warnings"] == ["collapsed"]


def test_json_of_nothing_is_an_empty_list():
    assert json.loads(to_json(Board())) == []


def test_details_are_left_out_of_tables_and_named(make_record, save):
    record = make_record(metrics={"success_avg": 1.0, "fine": 2.0})
    record.metrics["fine"].detail = True
    whole = build_board(save(record))
    assert [column.name for column in whole.groups[0].shown] == ["success_avg"]
    assert "| Fine" not in to_markdown(whole)
    assert "| Fine" in to_markdown(whole.narrowed(metrics=["fine"]))
    assert "fine" in to_csv(whole)
    assert json.loads(to_json(whole))[0]["metrics"]["fine"]["value"] == 2.0


def test_narrowed_metrics_are_all_that_is_rendered(board):
    few = board.narrowed(metrics=["unlearn_ppl"])
    assert all(list(row["metrics"]) == ["unlearn_ppl"] for row in json.loads(to_json(few)))
    assert "unlearn_success" not in to_csv(few).splitlines()[0]
    assert "| Method | Unlearn PPL ↑ |" in to_markdown(few)


def test_csv_parses_back_to_the_numbers_of_the_json(board):
    rows = list(csv.DictReader(io.StringIO(to_csv(board))))
    expected = json.loads(to_json(board))
    assert list(rows[0]) == [
        *("task", "data_source", "data_hash", "model", "tuning", "method", "hyperparameters"),
        "chosen",
        *("prompt", "attack", "seeds", "target_seeds", "runs", "origin", "ranks"),
        *("unlearn_success", "unlearn_success_lo", "unlearn_success_hi"),
        *("unlearn_ppl", "unlearn_ppl_lo", "unlearn_ppl_hi", *COSTS),
    ]
    for row, full in zip(rows, expected, strict=True):
        assert json.loads(row["hyperparameters"]) == full["hyperparameters"]
        assert [int(seed) for seed in row["seeds"].split()] == full["seeds"]
        assert row["runs"].split() == full["runs"]
        assert row["data_hash"] == full["data"]["hash"]
        for name, metric in full["metrics"].items():
            low, high = metric["ci95"] or (None, None)
            numbers = [float(text) if (text := row[name + end]) else None for end in ("", "_lo")]
            assert numbers == [metric["value"], low]
            assert (float(row[f"{name}_hi"]) if row[f"{name}_hi"] else None) == high


def test_csv_lines_up_groups_with_different_metrics(make_record, save):
    store = save(
        make_record(metrics={"a": 1.0}, task="t1"), make_record(metrics={"b": 2.0}, task="t2")
    )
    rows = list(csv.DictReader(io.StringIO(to_csv(build_board(store)))))
    assert [(row["a"], row["b"]) for row in rows] == [("1.0", ""), ("", "2.0")]


def test_markdown_is_a_table_a_group(board):
    lines = to_markdown(board).splitlines()
    assert lines[0] == "## knowundo-privacy · path data abababab · tiny · target: full"
    assert cells(lines[2])[:3] == ["Method", "Unlearn ↑", "Unlearn PPL ↑"]
    assert cells(lines[4])[:3] == ["vanilla", "1.0 [0.0, 2.0]", "1.01"]
    memflex, npo = cells(lines[5]), cells(lines[6])
    assert memflex[0] == "memflex (2 seeds)"
    assert re.fullmatch(r"\*\*67\.2\*\* \[53\.\d, 78\.\d\]", memflex[1])
    assert memflex[2].startswith("1.3e+10 [")
    assert npo[:3] == ["npo ⚠", "50.0 [49.0, 51.0]", "–"]
    text = "\n".join(lines)
    assert "collapsed · npo" in text
    assert "tiny is a model for testing" in text
    assert len({len(cells(line)) for line in lines if line.startswith("|")}) == 1


def test_markdown_escapes_what_would_break_a_table(make_record, save):
    store = save(
        make_record(config={"x": "a|b\nc\\d"}),
        make_record(config={"x": "e"}),
        make_record("bad", warnings=["no | such"]),
    )
    text = to_markdown(build_board(store))
    assert r"memflex (x=a\|b c\\d)" in text
    assert r"no \| such" in text
    assert len({len(cells(line)) for line in text.splitlines() if line.startswith("|")}) == 1


def test_groups_with_one_title_say_what_sets_them_apart(make_record, save):
    store = save(make_record(), make_record(target_recipe={"epochs": 3, "lr": 0.004}))
    text = to_markdown(build_board(store))
    assert "· target_recipe.epochs=22\n" in text
    assert "· target_recipe.epochs=3\n" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (66.24, "%", "66.2"),
        (0.0, "%", "0.0"),
        (1.006, "perplexity", "1.01"),
        (12.34, "", "12.3"),
        (3572.7, "", "3573"),
        (1.2e10, "perplexity", "1.2e+10"),
        (-2e7, "%", "-2.0e+07"),
        (0.00012345, "", "0.000123"),
        (None, "%", "–"),
    ],
)
def test_numbers(value, unit, text):
    assert format_number(value, unit) == text


def test_short_names_are_derived_and_never_shared():
    names = ["unlearn_success", "success_avg", "success", "retention_rouge_l", "my_mia", "avg"]
    assert metric_words(names) == {
        "unlearn_success": ("Unlearn",),
        "success_avg": ("success_avg",),
        "success": ("Success",),
        "retention_rouge_l": ("Retain", "ROUGE-L"),
        "my_mia": ("My", "Mia"),
        "avg": ("avg",),
    }


def test_values_are_shown_as_one_would_give_them():
    assert [shown_value(x) for x in (None, True, 1e-5, "q0.9", [1, None])] == [
        *("none", "true", "1e-05", "q0.9", "1, none")
    ]
