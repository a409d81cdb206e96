"""The paper's rows: transcribed whole, read safely, and set beside ours only where they may be."""

import csv
import io
import json
from pathlib import Path
from statistics import mean

import pytest
from rich.console import Console

import unharness_tasks
from unharness.errors import RecordError, UsageError
from unharness.report.build import build_board
from unharness.report.formats import to_csv, to_json, to_markdown
from unharness.report.published import PublishedCell, load_published
from unharness.report.published_comparison import (
    compare_with,
    nothing_to_compare,
    print_comparisons,
)

REPOSITORY = Path(__file__).resolve().parents[2]
COMMITTED = Path(unharness_tasks.__file__).parent / "knowundo" / "paper_results.json"
TRANSCRIBED = REPOSITORY.parent / "shared" / "reference" / "knowundo_paper.json"
LLAMA = "meta-llama/Llama-2-7b-chat-hf"
NOWHERE = Path("/nowhere")
METHODS = {
    "vanilla": "vanilla",
    "gradient_ascent": "gradient-ascent",
    "random_labels": "random-labels",
    "adversarial": "adversarial",
    "ga_gd_id": "gradient-difference",
    "ga_gd_ood": "gradient-difference-ood",
    "ga_kl_id": "kl",
    "ga_kl_ood": "kl-ood",
    "memflex": "memflex",
}
METRICS = {
    "unlearn_rougeL": "unlearn_rouge_l_forced",
    "retention_rougeL": "retention_rouge_l_forced",
    "mmlu": "general/mmlu",
    "arc_challenge": "general/arc_challenge",
    "truthfulqa": "general/truthfulqa",
    "siqa": "general/social_iqa",
    "race": "general/race",
}


@pytest.fixture(scope="module")
def paper():
    return load_published("knowundo-paper", NOWHERE)


def test_the_bundled_file_is_the_committed_one(paper):
    assert load_published(str(COMMITTED), NOWHERE) == paper


def test_every_cell_is_the_transcription_s(paper, real_data):
    tables = json.loads(TRANSCRIBED.read_text())
    compared = 0
    for key, rows in tables["results"].items():
        task, model = key.split("/")
        table = paper.main_table(task, model, "hub")
        assert [row.method for row in table.rows] == [METHODS[row["method"]] for row in rows]
        for ours, theirs in zip(table.rows, rows, strict=True):
            for name, value in theirs.items():
                if name == "method":
                    continue
                cell = ours.cells[METRICS.get(name, name)]
                if not isinstance(value, str):
                    assert cell.value == value
                elif value.startswith(">"):
                    assert (cell.value, cell.above, cell.printed) == (None, float(value[1:]), value)
                else:
                    assert (cell.value, cell.printed) == (float(value), value)
                compared += 1
    assert compared == 4 * 9 * 13
    costs = tables["cost_per_training_step_llama2_7b_privacy_a100_40g"]
    [table] = [table for table in paper.tables if table.hardware]
    assert {
        row.method: (row.cells["seconds_per_step"].value, row.cells["peak_memory_gb"].value)
        for row in table.rows
    } == {METHODS[name]: (row["seconds"], row["gpu_gb"]) for name, row in costs.items()}
    figure = tables["prompt_robustness_llama2_privacy"]
    [table] = [table for table in paper.tables if table.prompt]
    for name in ("unlearn_success", "retention_success"):
        for method, pair in figure[name].items():
            cells = table.row(METHODS[method]).cells
            assert [cells[name].value, cells[f"{name} with prompt"].value] == pair


def test_exactly_two_averages_are_misprinted(paper):
    marked, wrong = [], []
    for table in paper.tables:
        for row in table.rows:
            if "success_avg" not in row.cells:
                continue
            cells = row.cells
            own = {
                "success_avg": mean(
                    cells[name].value for name in ("unlearn_success", "retention_success")
                ),
                "general_avg": mean(
                    cell.value for name, cell in cells.items() if name.startswith("general/")
                ),
            }
            for name, value in own.items():
                place = (table.task, table.model, row.method, name)
                if abs(cells[name].value - value) > 0.02:
                    wrong.append(place)
                if cells[name].computed is not None:
                    marked.append(place)
                    assert cells[name].computed == pytest.approx(value, abs=0.006)
    assert (
        sorted(marked)
        == sorted(wrong)
        == [
            ("knowundo-copyright", "Qwen1.5-7B-Chat", "vanilla", "success_avg"),
            ("knowundo-privacy", "Llama-2-7b-chat-hf", "gradient-difference-ood", "general_avg"),
        ]
    )
    assert sum(len(table.misprints()) for table in paper.tables) == 2


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (PublishedCell(value=96.5), "96.50"),
        (PublishedCell(value=0.0), "0.00"),
        (PublishedCell(value=2022.0), "2022"),
        (PublishedCell(value=None, printed=">1e10", above=1e10), ">1e10"),
        (PublishedCell(value=1e4, printed="1e4"), "1e4"),
        (PublishedCell(value=41.54, computed=41.28), "41.54†"),
    ],
)
def test_printed(cell, text):
    assert cell.text() == text


def test_a_reference_of_one_s_own(tmp_path):
    folder = tmp_path / "reference"
    folder.mkdir()
    content = json.loads(COMMITTED.read_text())
    (folder / "mine.json").write_text(json.dumps({**content, "name": "mine"}))
    assert load_published("mine", tmp_path).name == "mine"
    with pytest.raises(UsageError, match=r"unknown reference 'mein'.* mine"):
        load_published("mein", tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "JSON"), ('{"name": 3}', "name"), ('{"name": "x", "colour": 1}', "colour")],
)
def test_a_malformed_reference_is_refused(tmp_path, content, words):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(RecordError) as caught:
        load_published(str(path), tmp_path)
    assert str(path) in str(caught.value)
    assert load_published("knowundo-paper", tmp_path).tables
    with pytest.raises(RecordError, match="cannot be read"):
        load_published(str(tmp_path / "gone.json"), tmp_path)


@pytest.fixture
def board(make_record, save):
    values = {"success_avg": (85.0, 80.0, 90.0), "unlearn_success": 80.0, "retention_ppl": 60.5}
    return build_board(
        save(
            make_record("memflex", values, model=LLAMA),
            make_record("memflex", values, model="tiny"),
            make_record("npo", values, model=LLAMA),
            make_record("memflex", values, model=LLAMA, data_source="standin", data_hash="0" * 64),
        )
    )


def test_only_the_same_task_model_and_data_are_compared(board, paper):
    found = {(g.spec.model, g.spec.data_source): compare_with(paper, g) for g in board.groups}
    assert found["tiny", "path"] is None
    assert found[LLAMA, "standin"] is None
    lines = {line[0]: line[1:] for line in found[LLAMA, "path"].lines()}
    assert lines["memflex"][0] == "85.0 | 82.37 (+2.6)"
    assert lines["memflex"][1] == "80.0 | 82.95 (-3.0)"
    assert lines["memflex"][2] == "60.5 | 72.50 (-12.0)"
    assert lines["npo"][0] == "85.0 | –"
    assert lines["gradient-ascent"][0] == "– | 49.53"
    assert len(lines) == 10


def test_formats_carry_the_comparison(board, paper):
    rows = {
        (row["model"], row["data"]["source"], row["method"]): row["reference"]
        for row in json.loads(to_json(board, paper))
    }
    assert rows["tiny", "path", "memflex"] is None
    assert rows[LLAMA, "path", "npo"] is None
    entry = rows[LLAMA, "path", "memflex"]
    assert (entry["name"], entry["table"], entry["label"]) == ("knowundo-paper", "2", "MemFlex")
    assert entry["metrics"]["success_avg"] == {
        "value": 82.37,
        "difference": pytest.approx(2.63),
    }
    assert entry["metrics"]["unlearn_ppl"]["printed"] == ">1e10"
    assert entry["metrics"]["unlearn_ppl"]["difference"] is None
    lines = list(csv.DictReader(io.StringIO(to_csv(board, paper))))
    [line] = [row for row in lines if row["success_avg_reference"]]
    assert (line["method"], line["success_avg_reference"]) == ("memflex", "82.37")
    assert float(line["success_avg_difference"]) == pytest.approx(2.63)
    assert "reference" not in json.loads(to_json(board))[0]
    assert "85.0 \\| 82.37 (+2.6)" in to_markdown(board, paper)


def test_the_terminal_says_where_there_is_nothing(board, paper):
    console = Console(record=True, width=160, file=io.StringIO())
    print_comparisons(board, paper, console)
    assert "85.0 | 82.37 (+2.6)" in console.export_text()
    few = board.narrowed(models=["tiny"])
    assert "knowundo-privacy on Llama-2-7b-chat-hf" in nothing_to_compare(few, paper)
    assert nothing_to_compare(board, paper) == ""
