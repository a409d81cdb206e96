"""A list of facts, a model, one command: the run, its identity, and its page."""

import csv
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COLUMNS = {"question": "prompt", "response": "answer", "person": "group"}
MAPPED = ",".join(f"{key}={name}" for name, key in COLUMNS.items())


def facts(first: int, last: int) -> list[dict[str, str]]:
    return [
        {"question": f"Where was Nils{n} born?", "response": f"In Orrin{n}.", "person": f"n{n}"}
        for n in range(first, last)
    ]


def test_from_a_list_of_facts_to_the_page(tmp_path: Path, main_here):
    for name, rows in (("forget", facts(0, 3)), ("keep", facts(3, 8))):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(COLUMNS))
            writer.writeheader()
            writer.writerows(rows)
        (tmp_path / name).mkdir()
        own = [{COLUMNS[key]: text for key, text in row.items()} for row in rows]
        (tmp_path / name / "same.json").write_text(json.dumps(own))
    page, results = tmp_path / "page.html", tmp_path / "results"
    common = ["--model", "micro", "--method", "gradient-difference", "--epochs", "1"]
    common += ["--target-set", "epochs=1", "--results", results, "--format", "json"]
    made = ["--task", tmp_path / "forget.csv", "--retain", tmp_path / "keep.csv"]
    code, out, errors = main_here(
        *("run", *made, "--columns", MAPPED, "--save-weights", "--report", page, *common)
    )
    assert code == 0, errors
    record = json.loads(out)
    assert record["spec"]["task"] == "files"
    assert "3 examples to forget, 5 examples to keep" in page.read_text()

    # The same facts in another file and format are the same run: it is shown, and not run again.
    same = [
        "--task",
        tmp_path / "forget" / "same.json",
        "--retain",
        tmp_path / "keep" / "same.json",
    ]
    page.unlink()
    code, out, errors = main_here("run", *same, "--report", page, *common)
    assert (code, json.loads(out)["started"]) == (0, record["started"]), errors
    assert page.is_file()

    # Its weights are evaluated again from the record alone, files and columns included.
    page.unlink()
    run = ["evaluate", record["run_id"], "--results", results, "--report", page, "-q"]
    code, _, errors = main_here(*run, "--force")
    assert code == 0, errors
    assert "What this model has forgotten" in page.read_text()
    code, _, errors = main_here("evaluate", "a", "b", "--report", page, "--results", results)
    assert (code, "--report is the page of one model" in errors) == (2, True)


def test_without_a_retain_set_a_method_that_reads_one_is_refused(tmp_path: Path, main_here):
    path = tmp_path / "forget.json"
    path.write_text(json.dumps([{"prompt": "Where?", "answer": "Here."}]))
    words = ["run", "--task", path, "--model", "micro", "--results", tmp_path / "results"]
    code, _, errors = main_here(*words, "--method", "kl")
    assert (code, "needs a retain set" in errors) == (2, True)
    code, out, errors = main_here(*words, "--method", "gradient-ascent", "--dry-run", "--quiet")
    assert (code, json.loads(out)["task"]) == (0, "files"), errors
