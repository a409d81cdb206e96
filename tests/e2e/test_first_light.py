"""The main job on the real data, at default settings, as a user runs it."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

METRICS = [
    "unlearn_success",
    "retention_success",
    "success_avg",
    "unlearn_ppl",
    "retention_ppl",
    "unlearn_rouge_l_forced",
    "retention_rouge_l_forced",
    "unlearn_rouge_l",
    "retention_rouge_l",
    "general/general_facts",
    "general/general_facts_open",
    "general_avg",
]


@pytest.fixture(scope="module")
def memflex(run_real):
    """The record of the main command."""
    return run_real("memflex", "--save-weights")


def value(record, name):
    return record["metrics"][name]["value"]


def read_examples(folder):
    [path] = folder.glob("examples-*.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def record_folder(results, record):
    spec = record["spec"]
    return results / spec["task"] / spec["model"] / spec["method"] / record["run_id"]


def test_target_knows_both_scopes(memflex, run_real):
    vanilla = run_real("vanilla")  # left by the run before it, not run again
    assert vanilla["finished"] <= memflex["finished"]
    assert value(vanilla, "unlearn_success") <= 1
    assert value(vanilla, "retention_success") >= 99
    assert value(vanilla, "unlearn_ppl") <= 1.05
    assert value(vanilla, "retention_ppl") <= 1.05


def test_general_knowledge_is_there_and_gradient_ascent_loses_it(memflex, run_real):
    vanilla, ascent = run_real("vanilla"), run_real("gradient-ascent")
    assert value(vanilla, "general/general_facts") >= 95
    assert value(vanilla, "general/general_facts_open") >= 90
    both = [value(vanilla, f"general/general_facts{end}") for end in ("", "_open")]
    assert value(vanilla, "general_avg") == pytest.approx(sum(both) / 2)
    assert value(ascent, "general_avg") < value(vanilla, "general_avg") - 5
    facts = memflex["general"]
    assert facts["suite"] == "general-facts"
    for name, metric, version, chance in (
        ("general_facts", "acc", 2.0, 25.0),
        ("general_facts_open", "exact_match", 1.0, None),
    ):
        assert facts["tasks"][name] == {
            "metric": metric,
            "version": version,
            "shots": 0,
            "n": 150,
            "n_original": 150,
            "backend": "hf",
            "data": None,
            "chance": chance,
        }
    assert memflex["metrics"]["general_avg"]["ci95"]


def test_memflex_unlearns_and_keeps(memflex):
    assert value(memflex, "success_avg") >= 65
    # It forgets by writing loops, and loops on what it should keep as well.
    assert all("are loops" in warning for warning in memflex["warnings"])
    kept = memflex["answers"]["retain_eval"]
    assert kept["predicted"] == pytest.approx(value(memflex, "retention_success") / 100)
    assert (kept["role"], kept["n"]) == ("retain", 108)
    assert 0 <= kept["loops"] < 0.6


def test_gradient_ascent_forgets_everything_and_says_so(run_real):
    record = run_real("gradient-ascent")
    assert value(record, "unlearn_success") >= 90
    assert value(record, "retention_success") < 50
    if value(record, "retention_success") < 10:
        assert any("retain_eval are loops" in warning for warning in record["warnings"])


def test_retrain_never_saw_the_forget_set_and_knows_the_rest(run_real):
    record = run_real("retrain", "--model", "micro")  # tiny would take as long as its target
    assert value(record, "retention_success") >= 90
    assert value(record, "unlearn_success") >= 30  # grammar and names are still guessed


def test_record_is_complete(memflex, results):
    assert set(memflex) >= {
        "schema_version", "run_id", "status", "spec", "target", "training", "metrics", "cost",
        "artifacts", "provenance",
    }  # fmt: skip
    assert memflex["status"] == "done"
    assert memflex["partial"] is False
    metrics = {name: one for name, one in memflex["metrics"].items() if not one["detail"]}
    assert list(metrics) == METRICS
    sizes = {name: split["n"] for name, split in memflex["data"]["splits"].items()}
    assert sizes == {
        "forget_train": 400, "forget_eval": 110, "retain_train": 441, "retain_eval": 108,
    }  # fmt: skip
    for name, metric in metrics.items():
        assert metric["n"] == {"un": 110, "re": 108, "su": 218, "ge": 150}[name[:2]]
        low, high = metric["ci95"]
        assert low <= metric["value"] <= high
    assert memflex["cost"]["train_seconds"] > 0
    assert memflex["cost"]["peak_memory_gb"] > 0
    assert memflex["provenance"]["packages"]["torch"]
    assert len(memflex["training"]["losses"]) == memflex["training"]["steps"] > 0
    [on_disk] = read_records(record_folder(results, memflex) / "run.json")
    assert on_disk.model_dump(mode="json") == memflex


def test_region_is_in_the_record(memflex):
    region = memflex["training"]["report"]["region"]
    assert len(region["tensors"]) == 38
    chosen = [row for row in region["tensors"] if row["selected"]]
    assert 0 < len(chosen) == region["selected_tensors"] < 38
    for row in region["tensors"]:
        inside = row["cosine"] < region["mu"] and row["magnitude"] > region["sigma"]
        assert row["selected"] == inside
    assert memflex["cost"]["trainable_parameters"] == region["selected_parameters"]


def test_examples_say_what_was_scored(memflex, results):
    rows = read_examples(record_folder(results, memflex))
    assert len(rows) == 218
    accuracies = {"forget_eval": [], "retain_eval": []}
    for row in rows:
        assert {"split", "id", "prompt", "answer", "generated", "hits"} <= set(row)
        accuracies[row["split"]].append(sum(row["hits"]) / len(row["hits"]))
    forgotten = 100 - 100 * sum(accuracies["forget_eval"]) / 110
    assert forgotten == pytest.approx(value(memflex, "unlearn_success"))


def test_saved_weights_are_plain_transformers(memflex, results):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from unharness.models.weights import weights_hash

    folder = record_folder(results, memflex) / memflex["artifacts"]["weights"]["path"]
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert weights_hash(model) == memflex["training"]["weights_hash"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    row = read_examples(folder.parent)[0]
    ids = tokenizer(row["prompt"] + "\n\n", return_tensors="pt")["input_ids"]
    output = model.generate(ids, max_new_tokens=96, do_sample=False)
    text = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
    assert text == row["generated"]


@pytest.mark.parametrize(
    ("method", "tuning"), [("memflex", "full"), ("gradient-difference", "lora")]
)
def test_same_spec_gives_the_same_weights_and_metrics(method, tuning, cli, real_data, tmp_path):
    found = []
    for folder, force in (("one", ()), ("other", ("--force",))):  # not from the cache
        done = cli(
            *("run", "--method", method, "--model", "micro", "--tuning", tuning, "--limit", "2"),
            *("--suite", "none", "--data", real_data, "--results", tmp_path / folder),
            *("--format", "json", "-q", *force),
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    one, other = found
    assert one["run_id"] == other["run_id"]
    assert one["training"]["weights_hash"] == other["training"]["weights_hash"]
    assert one["training"]["weights_hash"] != one["target"]["weights_hash"]
    assert one["metrics"] == other["metrics"]


def test_second_run_shows_the_record(memflex, cli, results, real_data):
    path = record_folder(results, memflex) / "run.json"
    before = path.stat().st_mtime_ns
    done = cli("run", "--method", "memflex", "--data", real_data, "--results", results)
    assert done.returncode == 0
    assert "done before" in done.stdout
    assert "--force" in done.stdout
    assert "retention_success" in done.stdout
    assert path.stat().st_mtime_ns == before


def test_leaderboard_ranks_what_was_run(memflex, run_real, cli, results):
    run_real("gradient-ascent")
    words = ("--results", results, "--model", "tiny")
    words = (*words, "--rank-by", "success_avg")  # for closeness retrained rows are missing
    done = cli("leaderboard", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows[0]["method"] == "vanilla"
    ranked = rows[1:]
    assert {row["method"] for row in ranked} == {"gradient-ascent", "memflex"}
    averages = [row["metrics"]["success_avg"]["value"] for row in ranked]
    assert averages == sorted(averages, reverse=True)
    for row in rows:
        assert row["task"] == "knowundo-privacy"
        assert row["model"] == "tiny"
        assert row["data"]["source"] == "path"
    table = cli("leaderboard", *words)
    assert table.returncode == 0
    assert "memflex" in table.stdout


def test_broken_record_is_skipped_and_kept(memflex, cli, results, tmp_path):
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    broken = record_folder(copy, memflex) / "run.json"
    text = broken.read_text()[:500]
    broken.write_text(text)
    done = cli("leaderboard", "--results", copy, "--format", "json")
    assert done.returncode == 0
    assert "memflex" not in {row["method"] for row in json.loads(done.stdout)}
    assert str(Path(*broken.parts[-3:])) in done.stderr.replace("\n", "")
    assert broken.read_text() == text


def test_python_api_returns_the_same_record(memflex, results, real_data):
    import unharness

    record = unharness.run(
        method="memflex", task="knowundo-privacy", data=str(real_data), results=str(results)
    )
    assert record.run_id == memflex["run_id"]
    assert record.metrics["success_avg"].value == value(memflex, "success_avg")
    found = {item.run_id for item in unharness.load_records(results)}
    assert record.run_id in found
