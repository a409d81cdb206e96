import gzip
import json

import pytest

from unharness.cli.show import sparkline
from unharness.records.files import write_json_lines
from unharness.records.record import CostRecord, MetricRecord, TrainingRecord
from unharness.records.store import EXAMPLES_FILE, read_records

REGION = {
    "mu": 0.9123,
    "sigma": 0.00012,
    "selected_tensors": 2,
    "selected_parameters": 12345,
    "tensors": [
        {"name": "layers.0.weight", "cosine": 0.1, "magnitude": 0.5, "selected": True},
        {"name": "layers.1.weight", "cosine": 0.2, "magnitude": 0.7, "selected": True},
        {"name": "layers.2.weight", "cosine": 0.99, "magnitude": 0.9, "selected": False},
    ],
}


@pytest.fixture
def shown(make_record, save, store):
    """A record with everything in it, its vanilla beside it, and examples on the disk."""
    metrics = {"success_avg": (71.25, 65.0, 75.0), "unlearn_ppl": 1.2e10}
    record = make_record(
        "memflex",
        metrics,
        config={"lr": 0.002, "mu": "q0.9", "micro_batch_size": None},
        warnings=["collapsed [red]"],
        training=TrainingRecord(
            steps=4, examples=64, tokens=999, losses=[3.0, 2.0, 1.0, 0.0], report={"region": REGION}
        ),
        cost=CostRecord(train_seconds=12.34, peak_memory_gb=0.5, stages={"generate": 2.0}),
        artifacts={"weights": {"path": "weights", "kind": "full", "sha256": "00"}},
    )
    save(record, make_record("vanilla", {"success_avg": 50.0, "unlearn_ppl": 1.01}))
    rows = [
        {"split": split, "id": f"{split}/{i}", "prompt": f"question {split} {i}?", "answer": "Yes."}
        | {"generated": "Perhaps. [b]", "hits": [1, 0, 1]}
        for split in ("forget_eval", "retain_eval")
        for i in range(5)
    ]
    write_json_lines(store.folder(record.spec) / EXAMPLES_FILE, rows)
    return record


def test_shows_everything_of_a_record(call, store, shown):
    code, out, err = call("show", shown.run_id[:6], "--results", store.root)
    assert (code, err) == (0, "")
    for text in (
        *("memflex · knowundo-privacy · tiny (full)", shown.run_id, "done", "abababab"),
        *("collapsed [red]", "71.2", "65.0–75.0", "50.0", "1.2e+10", "1.01", "perplexity"),
        *("12.3 s", "0.5 GB", "generate 2.0 s", "█▆▃▁", "2 of 3", "0.9123", "layers.1.weight"),
        *("q0.9", "none", "question forget_eval 0?", "Perhaps. [b]", "2 of 3 answer tokens"),
    ):
        assert text in out
    assert "layers.2.weight" not in out
    assert out.index("layers.1.weight") < out.index("layers.0.weight")
    assert str(store.folder(shown.spec) / "weights") in "".join(out.split())


def test_what_differs_from_the_defaults_is_told(call, make_record, save, store):
    from unharness.registry import registry

    own = registry().get("tasks", "knowundo-privacy")().target_recipe("tiny").model_dump()
    evaluation = {"metrics": ("success_avg",), "engine": "hf", "max_length": 128}
    record = make_record(
        "kl",
        config={"lr": 0.5, "epochs": 3},
        target_recipe=own | {"epochs": own["epochs"] + 1},
        tuning="lora",
        lora={"r": 16, "alpha": 16, "dropout": 0.1},
        evaluation=evaluation,
    )
    save(record)
    code, out, err = call("show", record.run_id, "--results", store.root)
    assert (code, err) == (0, "")
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line}
    assert lines["max_length"] == "128 (default 256)"
    assert lines["lora.r"] == "16 (default 8)"
    assert lines["target.epochs"] == f"{own['epochs'] + 1} (default {own['epochs']})"
    assert lines["lr"].startswith("0.5 (default ")
    for name in ("lora.alpha", "target.lr", "max_new_tokens", "template"):
        assert name not in lines


def test_of_a_task_that_is_not_installed_no_defaults_are_told(call, make_record, save, store):
    record = make_record("gone", task="gone-too", config={"lr": 0.5})
    save(record)
    code, out, _ = call("show", record.run_id, "--results", store.root)
    assert code == 0
    assert "default" not in out


@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_examples_are_taken_from_the_splits_in_turn(call, store, shown, count):
    _, out, _ = call("show", shown.run_id, "--results", store.root, "--examples", count)
    found = [line for line in out.splitlines() if line.startswith("question")]
    assert len(found) == min(count, 10)
    if count == 3:
        assert [line.split()[-2] for line in found] == ["forget_eval", "retain_eval", "forget_eval"]


def test_json_is_the_records_file(call, store, shown):
    code, out, _ = call("show", shown.run_id, "--results", store.root, "--format", "json")
    assert code == 0
    path = store.folder(shown.spec) / "run.json"
    [record] = read_records(path)
    assert json.loads(out) == record.model_dump(mode="json")
    by_path = call("show", path.parent, "--results", "nowhere", "--format", "json")
    assert by_path == (0, out, "")


def test_vanilla_shows_no_second_vanilla(call, make_record, save):
    record = make_record("vanilla")
    _, out, _ = call("show", record.run_id, "--results", save(record).root)
    assert "metric  " in out
    assert "vanilla  " not in out


def test_what_an_unknown_method_reported_is_shown_plainly(call, make_record, save):
    report = {"rank": 3, "note": {"share": 0.123456}, "layers": [1, 2, 3]}
    record = make_record("gone", training=TrainingRecord(report=report))
    _, out, _ = call("show", record.run_id, "--results", save(record).root)
    section = out.partition("reported by gone")[2]
    for name, text in {"rank": "3", "note.share": "0.1235", "layers": "3 values"}.items():
        assert any(line.split() == [*name.split(), *text.split()] for line in section.splitlines())


def test_a_failed_record_shows_its_error(call, make_record, save):
    record = make_record(metrics={}, status="failed", error="MethodError: loss is nan [x]")
    code, out, _ = call("show", record.run_id, "--results", save(record).root)
    assert code == 0
    assert "failed" in out
    assert "MethodError: loss is nan [x]" in out


def test_what_is_missing_is_said(call, make_record, save):
    record = make_record(
        limit=5,
        status="running",
        finished=None,
        metrics={"mia": None},
        training=TrainingRecord(report={"region": {"tensors": None}}),
    ).model_copy(update={"data": None})
    code, out, _ = call("show", record.run_id, "--results", save(record).root)
    assert code == 0
    assert "never ranked" in out
    assert "no example could be scored" in out


def test_unscored_examples_are_counted(call, make_record, save):
    metric = MetricRecord(value=1.0, n=8, n_unscored=2, unit="%", direction="higher")
    record = make_record().model_copy(update={"metrics": {"m": metric}})
    assert "8 (+2 not scored)" in call("show", record.run_id, "--results", save(record).root)[1]


@pytest.mark.parametrize("rows", [[{}], ["text", 3], [{"split": "s", "hits": []}]])
def test_strange_examples_do_no_harm(call, store, shown, rows):
    write_json_lines(store.folder(shown.spec) / EXAMPLES_FILE, rows)
    assert call("show", shown.run_id, "--results", store.root)[0] == 0


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b'{"split": "a"}\n' * 999, mtime=0)[:-20]]
)
def test_examples_that_cannot_be_read_are_warned_of(call, store, shown, content):
    (store.folder(shown.spec) / EXAMPLES_FILE).write_bytes(content)
    code, out, err = call("show", shown.run_id, "--results", store.root)
    assert code == 0
    assert "71.2" in out
    assert "the examples cannot be read" in err


@pytest.mark.parametrize("width", ["60", "80"])
def test_a_narrow_terminal_cuts_nothing(call, store, shown, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = call("show", shown.run_id, "--results", store.root)
    assert "…" not in out
    for text in ("71.2", "1.2e+10", "65.0–75.0"):
        assert text in out


@pytest.mark.slow
def test_exit_codes(spawn, store, shown):
    assert spawn("show", shown.run_id, "--results", store.root).returncode == 0
    unknown = spawn("show", "zzzz", "--results", store.root)
    assert unknown.returncode == 1
    assert "no record whose run id begins with 'zzzz'" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert "Traceback" in spawn("show", "zzzz", "--debug", "--results", store.root).stderr
    assert spawn("show").returncode == 2


def test_sparkline():
    assert sparkline([]) == ""
    assert sparkline([1.0]) == "▁"
    assert sparkline([0.0, 7.0]) == "▁█"
    assert sparkline([2.0] * 5) == "▁" * 5
    long = sparkline([float(i) for i in range(1000)], 40)
    assert len(long) == 40
    assert long[0] == "▁"
    assert long[-1] == "█"
    assert list(long) == sorted(long)
