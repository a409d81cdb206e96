"""`--target`: weights that know the facts already; nothing is taught."""

import json
import shutil

import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

FEW = ("--limit-train", "8", "--suite", "none", "--quiet", "--format", "json")
FEW += ("--precision", "float32")  # bfloat16 rounds the weights under an adapter


@pytest.fixture
def call(main_here, real_data, tmp_path):
    """call("run", …) -> exit code, the JSON on stdout or its text, stderr."""

    def run(command, *words, results=tmp_path / "results"):
        place = ("--data", real_data, "--results", results)
        code, out, err = main_here(command, *words, *place)
        return code, json.loads(out) if code == 0 and "json" in words else out, err

    return run


@pytest.fixture
def made(call, checkpoint, tmp_path):
    """made("full" | "lora") -> the record of a model that was taught, and the folder it lies in."""

    def teach(kind):
        results = tmp_path / "made"
        model = "micro" if kind == "full" else checkpoint("llama")
        words = ("--model", model, "--tuning", kind, "--method", "vanilla", "--save-weights")
        code, record, err = call("run", *words, *FEW, results=results)
        assert code == 0, err
        [run] = results.glob(f"*/*/*/{record['run_id']}")
        folder = run / record["artifacts"]["weights"]["path"]
        target = tmp_path / f"published-{kind}"
        shutil.copytree(folder, target)
        return record, target

    return teach


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("kind", ["lora", "full"])
def test_the_weights_are_the_target_and_nothing_is_taught(kind, tuning, made, call, tmp_path):
    taught, target = made(kind)
    words = ("--target", target, "--tuning", tuning, "--method", "gradient-ascent")
    code, record, err = call("run", *words, "--epochs", "1", "--lr", "1e-2", *FEW)
    assert code == 0, err
    assert not any("train target" in stage for stage in record["cost"]["stages"])
    found = record["target"]
    assert (found["source"], found["given"]) == ("given", str(target))
    assert found["weights_hash"] == taught["training"]["weights_hash"]
    assert found["tuning"] == record["spec"]["target_tuning"] == kind
    assert record["spec"]["tuning"] == tuning
    assert record["spec"]["target_hash"]
    assert record["training"]["weights_hash"] != found["weights_hash"]
    assert not any("did not change" in text for text in record["warnings"])
    # The vanilla row is the target itself.
    [path] = (tmp_path / "results").glob("*/*/vanilla/*/run.json")
    vanilla = read_records(path)[0].model_dump(mode="json")
    assert vanilla["training"]["weights_hash"] == found["weights_hash"]
    # What needs a retrained model says of each run where it looked for one.
    own = [name for name, one in taught["metrics"].items() if one["params"].get("other") is None]
    assert len(own) > 20
    for name in own:
        assert vanilla["metrics"][name] == taught["metrics"][name]
    assert vanilla["spec"]["target_hash"] == record["spec"]["target_hash"]


def test_it_is_identified_by_content(made, call, tmp_path):
    _, target = made("full")
    dry = ("--limit-train", "8", "--quiet", "--dry-run")

    def run_id(*words):
        code, out, err = call("run", *dry, *words)
        assert code == 0, err
        return json.loads(out)["run_id"]

    first = run_id("--target", target)
    moved = tmp_path / "moved"
    shutil.copytree(target, moved)
    assert run_id("--target", moved) == first
    file = tmp_path / "run.yaml"
    file.write_text(f"target: {target}\n")
    assert run_id(file) == first
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    ids = {first, run_id("--target", moved), run_id("--model", target, "--suite", "none")}
    assert len(ids) == 3
    # Only what trains the base depends on which one it is.
    ascent = ("--target", target, "--method", "gradient-ascent", "--lr", "1e-3", "--epochs", "1")
    ascent = (*ascent, "--batch-size", "4")
    assert run_id(*ascent, "--model", "micro") == run_id(*ascent)


def test_retraining_needs_the_base(made, call, tmp_path):
    _, target = made("full")
    words = ("--target", target, "--method", "retrain", *FEW)
    code, _, err = call("run", *words)
    assert code == 2
    [line] = [line for line in err.splitlines() if line.startswith("error:")]
    assert "retrain" in line
    assert "--model" in line
    code, record, err = call("run", *words, "--model", "micro")
    assert code == 0, err
    assert record["training"]["weights_hash"] != record["target"]["weights_hash"]
    assert record["training"]["steps"] > 0
    assert record["metrics"]["retention_success"]["value"] > 90
    # Its vanilla row is that of every other method.
    code, _, err = call("run", "--target", target, "--method", "gradient-ascent", *FEW)
    assert code == 0, err
    assert len(list((tmp_path / "results").glob("*/*/vanilla/*/run.json"))) == 1


def test_an_adapter_names_its_base_for_retraining(made, call):
    _, target = made("lora")
    code, record, err = call("run", "--target", target, "--method", "retrain", *FEW)
    assert code == 0, err
    assert record["training"]["weights_hash"] != record["target"]["weights_hash"]


def test_sweep_and_tune(made, cli, here, real_data, tmp_path):
    _, target = made("full")
    methods = ("--method", "gradient-ascent,gradient-difference")
    words = ("--limit-train", "8", "--suite", "none", "--data", real_data, "--executor", "here")
    file = tmp_path / "sweep.yaml"
    file.write_text(f"target: {target}\nset:\n  epochs: 1\n")
    done = cli("sweep", file, *methods, *words, "--results", tmp_path / "swept", **here)
    assert done.returncode == 0, done.stderr
    paths = (tmp_path / "swept").glob("*/*/*/*/run.json")
    found = [read_records(path)[0].model_dump(mode="json") for path in paths]
    assert {record["spec"]["method"] for record in found} == {
        "vanilla",
        "gradient-ascent",
        "gradient-difference",
    }
    assert {record["target"]["source"] for record in found} == {"given"}
    assert len({record["target"]["weights_hash"] for record in found}) == 1
    words = ("--target", target, "--method", "gradient-ascent", "--trials", "1", *words)
    words += ("--objective", "success_avg", "--finalists", "0")
    done = cli("tune", *words, "--results", tmp_path / "tuned", **here)
    assert done.returncode == 0, done.stderr
    trials = list((tmp_path / "tuned" / "tuning").glob("*/*/gradient-ascent/*/run.json"))
    assert len(trials) == 1
    assert read_records(trials[0])[0].target.source == "given"


def test_a_kept_run_is_evaluated_again(made, call, main_here, tmp_path):
    _, target = made("lora")
    words = ("--target", target, "--method", "gradient-ascent", "--epochs", "1", "--save-weights")
    code, record, err = call("run", *words, *FEW)
    assert code == 0, err
    evaluate = ("--prompt", "assistant", "--quiet", "--format", "json")
    results = ("--results", tmp_path / "results")
    code, out, err = main_here("evaluate", record["run_id"], *evaluate, *results)
    assert code == 0, err
    [other] = json.loads(out)
    assert other["target"] == record["target"]


def test_what_is_no_target(call, checkpoint, tmp_path):
    def refused(expected, *words):
        code, _, err = call("run", *words, *FEW)
        assert code == expected
        [line] = [line for line in err.splitlines() if line.startswith("error:")]
        return line

    assert "no such folder" in refused(1, "--target", tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    assert "config.json" in refused(1, "--target", tmp_path / "empty")
    assert "target" in refused(2, "--target", "")
    words = ("--target", checkpoint("llama"), "--method", "gradient-ascent")
    assert "unknown model 'micr'" in refused(2, *words, "--model", "micr")


def test_a_target_from_the_hub_is_pinned(call, fake_hub, checkpoint):
    commit = "d" * 40
    fake_hub.commits["org/knows"] = commit
    fake_hub.folders["org/knows"] = checkpoint("llama")
    words = ("--target", "org/knows", "--method", "vanilla", "--limit-train", "2", "--limit", "2")
    code, record, err = call("run", *words, "--quiet", "--format", "json")
    assert code == 0, err
    assert record["target"]["given"] == "org/knows"
    assert record["target"]["revision"] == commit
    assert record["passed"]["target"] == f"org/knows@{commit}"
