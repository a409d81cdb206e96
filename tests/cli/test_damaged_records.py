"""One damaged file costs only its own record, which is named; every report still shows the rest."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORMATS = ("table", "markdown", "latex", "csv", "json", "html")
METRICS = {
    "unlearn_success": (60.0, 55.0, 65.0),
    "retention_success": (80.0, 75.0, 85.0),
    "success_avg": (70.0, 65.0, 75.0),
}


def replaced(place: str, value: Any) -> Callable[[str], str]:
    """An edit of run.json: the value at a dotted place is another one."""

    def edit(text: str) -> str:
        record = json.loads(text)
        *way, last = place.split(".")
        at = record
        for name in way:
            at = next(iter(at.values())) if name == "*" else at[name]
        at[last] = value
        return json.dumps(record)

    return edit


EDITS = {
    "a better learning rate": replaced("attacked.unlearn.config.lr", 0.5),
    "another seed": replaced("attacked.unlearn.seed", 7),
    "another data hash": replaced("evaluations.*.observe.data_hash", "12" * 32),
    "another limit": replaced("evaluations.*.observe.limit", 3),
    "another run id": replaced("run_id", "0123456789abcdef"),
    "an endless run id": replaced("run_id", "x" * 100_000),
    "NaN as value": replaced("evaluations.*.metrics.success_avg.value", float("nan")),
    "infinity as value": replaced("evaluations.*.metrics.success_avg.value", float("inf")),
    "NaN in an interval": replaced("evaluations.*.metrics.success_avg.ci95", [float("nan"), 75.0]),
    "NaN in the cost": replaced("cost.train_seconds", float("nan")),
    "NaN in a stage": replaced("evaluations.*.stages", {"unlearn": float("nan")}),
    "NaN in the losses": replaced("training", {"losses": [1.0, float("nan")]}),
    "NaN in what is free": replaced("evaluations.*.provenance", {"a": [{"b": float("nan")}]}),
    "NaN in the config": replaced("attacked.unlearn.config.lr", float("nan")),
    "a number beyond all bounds": replaced("evaluations.*.metrics.success_avg.value", 1.7e308),
    "too many parameters": replaced("cost.trainable_parameters", 10**400),
    "a count below zero": replaced("evaluations.*.metrics.success_avg.n", -1),
    "1e999 in what is free": lambda text: text.replace(
        '"provenance": {}', '"provenance": {"a": 1e999}'
    ),
    "1e999 in the config": lambda text: text.replace('"lr": 0.1', '"lr": 1e999'),
    "an identity to come": replaced("identity_version", 99),
    "another evaluation id": lambda text: text.replace('"evaluations": {"', '"evaluations": {"0'),
    "an unknown field": replaced("colour", "red"),
    "an endless field": lambda text: text.replace('"error"', f'"{"x" * 10_000}": 1, "error"'),
    "an endless schema version": replaced("schema_version", "9" * 10_000),
    "no spec": replaced("attacked", None),
    "an unknown status": replaced("evaluations.*.status", "splendid"),
    "one metric no object": replaced("evaluations.*.metrics.success_avg", 70.0),
    "half of it": lambda text: text[: len(text) // 2],
    "an empty object": lambda text: "{}",
    "a list": lambda text: "[]",
    "nothing": lambda text: "",
    "deep nesting": lambda text: "[" * 50_000,
    "a lone surrogate": lambda text: text.replace("damaged", "\\ud800", 1),
    "a long number": lambda text: text.replace('"seed": 0', '"seed": ' + "9" * 5000),
}


@pytest.fixture
def results(make_record: Any, save: Any) -> Path:
    root: Path = save(
        make_record("vanilla", METRICS),
        make_record("memflex", METRICS, config={"lr": 0.1}),
    ).root
    return root


def damaged(make_record: Any, save: Any, edit: Callable[[str], str]) -> Path:
    record = make_record("damaged", METRICS, config={"lr": 0.1})
    folder = save(record).folder(record.spec)
    path: Path = folder / "run.json"
    path.write_text(before := json.dumps(json.loads(path.read_text())))
    path.write_text(edit(before))
    assert path.read_text() != before
    return path


@pytest.mark.parametrize("case", EDITS)
def test_a_damaged_record_is_named_and_the_rest_is_shown(
    case: str, results: Path, make_record: Any, save: Any, call: Any
):
    path = damaged(make_record, save, EDITS[case])
    content = path.read_bytes()
    for form in FORMATS:
        code, out, err = call("leaderboard", "--results", results, "--format", form)
        assert code == 0, (form, err)
        [line] = [line for line in err.splitlines() if str(path) in line]
        assert line.startswith(f"warning: skipped {path}: ")
        assert len(line) < 2000
        assert "memflex" in out
        if form == "html":  # the page says it too; nobody sees the terminal there
            assert str(path) in out
        else:
            assert "damaged" not in out
    assert path.read_bytes() == content


@pytest.mark.parametrize("case", ["a better learning rate", "NaN in the cost"])
def test_other_commands_name_it_too(
    case: str, results: Path, make_record: Any, save: Any, call: Any
):
    path = damaged(make_record, save, EDITS[case])
    code, out, err = call("show", path.parent, "--results", results)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {path}: ")
    _, _, err = call("compare", "vanilla", "memflex", "--results", results)
    assert f"warning: skipped {path}" in err
    _, out, err = call("paper", "--on", "tiny", "--results", results)
    assert f"warning: skipped {path}" in err


def test_an_edited_setting_is_said_to_be_one(results: Path, make_record: Any, save: Any, call: Any):
    path = damaged(make_record, save, EDITS["a better learning rate"])
    _, _, err = call("leaderboard", "--results", results)
    assert f"{path}: its spec was changed: the run id or evaluation id does not match" in err


def test_published_records_are_read(call: Any):
    published = Path(__file__).resolve().parents[2] / "results" / "published"
    code, out, err = call("leaderboard", "--results", published, "--format", "json")
    assert (code, err) == (0, "")
    made = list(published.glob("*/*/*/*/run.json"))
    assert sum(len(row["runs"]) for row in json.loads(out)) == len(made) >= 90


ROW = {"split": "forget_eval", "id": "1", "prompt": "Where?", "answer": "Oslo", "generated": "Rome"}
EXAMPLES = {
    "an empty object": b"{}",
    "no JSON": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "a split that is none": json.dumps(ROW | {"split": ["x"], "scores": {}}).encode(),
    "a score that is none": json.dumps(ROW | {"scores": {"success_avg": "good"}}).encode(),
    "a score that is NaN": json.dumps(ROW | {"scores": {"success_avg": float("nan")}}).encode(),
    "scores that are none": json.dumps(ROW | {"scores": [1]}).encode(),
    "no UTF-8": b"\xff\xfe",
    "deep nesting": b"[" * 50_000,
}


@pytest.mark.parametrize("case", [*EXAMPLES, "no gzip", "half of it", "a broken stream"])
def test_damaged_examples_cost_their_own_run_alone(
    case: str, results: Path, make_record: Any, save: Any, call: Any
):
    good = gzip.compress(json.dumps(ROW | {"scores": {"success_avg": 42.0}}).encode() + b"\n")
    content = {
        "no gzip": b"hello",
        "half of it": good[: len(good) // 2],
        "a broken stream": good[:12] + b"\xff\xff\xff\xff" + good[16:],
    }.get(case) or gzip.compress(EXAMPLES[case] + b"\n")
    bad = make_record("kl", METRICS)
    store = save(bad)
    for record in [item.record for item in store.scan() if item.record.run_id != bad.run_id]:
        (store.folder(record.spec) / "examples.jsonl.gz").write_bytes(good)
    path = store.folder(bad.spec) / "examples.jsonl.gz"
    path.write_bytes(content)

    code, out, err = call("leaderboard", "--results", results, "--format", "html")
    assert code == 0
    [line] = err.splitlines()
    assert line.startswith(f"warning: {path}: the examples cannot be read")
    assert str(path) in out
    assert bad.run_id in out  # its numbers are ranked still
    assert "Oslo" in out  # and the others have their examples

    code, _, err = call("compare", "memflex", "kl", "--results", results)
    assert code == 1
    assert err.splitlines()[-1].startswith(f"error: {path}: the examples cannot be read")

    code, out, err = call("show", bad.run_id, "--results", results)
    assert code == 0
    assert bad.run_id in out
    [line] = err.splitlines()
    assert line.startswith(f"warning: {path}: the examples cannot be read")
