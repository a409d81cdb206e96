"""Every bad input gets one line that says what to do, the right exit code, and no traceback."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unharness.records.store import read_records


@pytest.fixture
def refused(main_here, tmp_path, data_folder):
    """Run with bad input; return the error after checking its form.

    In this process, since a process of its own for each would take minutes.
    """

    def call(code, *words, data=None):
        given = ["--data", str(data or data_folder), "--results", str(tmp_path / "results")]
        returned, output, errors = main_here("run", *given, "--quiet", *words)
        assert returned == code, errors
        assert "Traceback" not in errors
        assert output == ""
        lines = [line for line in errors.splitlines() if line.strip()]
        assert len(lines) == 1, errors
        paths = tmp_path.glob("results/**/run.json")
        left = [record for path in paths for record in read_records(path)]
        assert all(record.status == "failed" for record in left)
        return errors

    return call


@pytest.fixture
def folder(data_folder, tmp_path) -> Path:
    """A copy of the real data that a test may spoil."""
    target = tmp_path / "data"
    shutil.copytree(data_folder / "knowundo" / "privacy", target)
    return target


def spoil(folder, name, change):
    path = folder / name
    path.chmod(0o644)
    rows = json.loads(path.read_text())
    path.write_text(json.dumps(change(rows)))


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("--method", "memflexx"), "memflex"),
        (("--task", "knowundo-privat"), "knowundo-privacy"),
        (("--model", "tinny"), "tiny"),
        (("--engine", "hff"), "hf"),
    ],
)
def test_unknown_names_get_the_nearest(refused, words, near):
    error = refused(2, *words)
    assert words[1] in error
    assert near in error


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("batch=3", ["'hf' has no option 'batch'", "batch_size"]),
        ("batch_size=0", ["batch_size", "greater than or equal to 1"]),
        ("batch_size", ["--engine-set batch_size", "KEY=VALUE"]),
    ],
)
def test_engine_options_are_checked(refused, option, words):
    error = refused(2, "--engine", "hf", "--engine-set", option)
    for word in words:
        assert word in error


def test_unknown_suites_get_the_nearest(refused, tmp_path):
    error = refused(2, "--suite", "general-fact", "--include-path", tmp_path)
    for word in ("general-fact", "general-facts", "unharness suites"):
        assert word in error


@pytest.mark.slow
def test_what_lm_eval_does_not_know_either_is_refused(refused, tmp_path, monkeypatch):
    """lm-eval has one task here: to read its own 14,000 files takes ten seconds."""
    import lm_eval.tasks.manager

    definitions = tmp_path / "definitions"
    definitions.mkdir()
    (definitions / "bundled.yaml").write_text("task: bundled_with_it\n")
    monkeypatch.setattr(lm_eval.tasks.manager, "__file__", str(definitions / "manager.py"))
    folder = tmp_path / "own"
    folder.mkdir()
    error = refused(2, "--suite", "no_such_task_at_all", "--include-path", folder)
    assert "no_such_task_at_all" in error
    assert "unharness suites" in error
    assert "Did you mean bundled_with_it" in refused(
        2, "--suite", "bundled_with_itt", "--include-path", folder
    )


def test_broken_yaml_of_a_suite_is_named_with_its_line(refused, tmp_path):
    (tmp_path / "mine.yaml").write_text("task: mine\n\tx: 1\n")
    error = refused(1, "--suite", "mine", "--include-path", tmp_path)
    assert "mine.yaml, line 2: not YAML" in error


def test_unknown_metric_gets_the_nearest(main_here, tmp_path):
    given = ["--results", tmp_path, "--metric", "unlearn_sucess"]
    code, _, errors = main_here("leaderboard", *given)
    assert code == 2
    assert "unlearn_success" in errors


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lrr=1e-3", ["lrr", "lr"]),
        ("lr=fast", ["lr", "number"]),
        ("lr=-1", ["lr", "greater than 0"]),
        ("epochs=0", ["epochs", "greater than or equal to 1"]),
        ("mu=2", ["mu", "from -1 to 1"]),
        ("sigma=qq", ["sigma", "quantile"]),
        ("schedule=steps", ["schedule", "cosine"]),
        ("lr", ["KEY=VALUE"]),
    ],
)
def test_bad_hyperparameters_name_the_field_and_what_is_allowed(refused, setting, words):
    error = refused(2, "--set", setting)
    for word in words:
        assert word in error


def test_hyperparameter_of_a_method_that_has_none(refused):
    assert "vanilla" in refused(2, "--method", "vanilla", "--lr", "1e-3")


def test_data_folder_missing(refused, tmp_path):
    assert "no such folder" in refused(1, data=tmp_path / "nowhere")


def test_not_json(refused, folder):
    path = folder / "unlearn_val.json"
    path.chmod(0o644)
    path.write_text("[{")
    error = refused(1, data=folder)
    assert "unlearn_val.json" in error
    assert "not JSON" in error


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"text": "Who?"}, ["item 3", "labels"]),
        ({"labels": "They."}, ["item 3", "text"]),
        ({"text": "", "labels": "They."}, ["item 3", "empty"]),
        ({"text": "Who?", "labels": 7}, ["item 3", "string"]),
        ("Who?", ["item 3", "object"]),
    ],
)
def test_bad_items_name_file_and_index(refused, folder, item, words):
    spoil(folder, "retention_train.json", lambda rows: [*rows[:3], item, *rows[4:]])
    error = refused(1, data=folder)
    for word in ["retention_train.json", *words]:
        assert word in error


def test_repeated_example(refused, folder):
    spoil(folder, "unlearn_train.json", lambda rows: [*rows, rows[0]])
    error = refused(1, data=folder)
    assert "item 400" in error
    assert "item 0" in error


def test_overlap_between_forget_and_retain(refused, folder):
    row = json.loads((folder / "unlearn_train.json").read_text())[5]
    spoil(folder, "retention_val.json", lambda rows: [*rows, row])
    error = refused(1, data=folder)
    assert "retention_val.json" in error
    assert "unlearn_train.json" in error


def test_folder_that_is_no_model(refused, tmp_path):
    (tmp_path / "model").mkdir()
    assert "config.json" in refused(1, "--model", tmp_path / "model")


def test_pickled_weights_are_refused(refused, checkpoint, tmp_path):
    model = checkpoint("llama", tmp_path / "model")
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert "safetensors" in refused(1, "--model", model)


def test_broken_weights_are_refused(refused, checkpoint, tmp_path):
    model = checkpoint("llama", tmp_path / "model")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "transformers can load" in refused(
        1, "--model", model, "--suite", "none", "--limit-train", "4"
    )


def test_tokenizer_without_end_token(refused, checkpoint, tmp_path):
    model = checkpoint("llama", tmp_path / "model")
    path = model / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["eos_token"]
    path.write_text(json.dumps(settings))
    (model / "special_tokens_map.json").unlink(missing_ok=True)
    assert "no end token" in refused(1, "--model", model, "--suite", "none", "--limit-train", "4")


@pytest.mark.slow
def test_long_answers_are_counted_and_reported(main_here, folder, checkpoint, tmp_path):
    def lengthen(rows):
        long = {"text": rows[1]["text"], "labels": "They live by the sea. " * 100}
        return [rows[0], long, *rows[2:]]

    spoil(folder, "unlearn_val.json", lengthen)
    spoil(folder, "unlearn_train.json", lengthen)
    given = [
        "--data",
        folder,
        "--limit-train",
        "3",
        "--model",
        checkpoint("qwen2"),
        "--epochs",
        "1",
    ]
    given += ["--suite", "none"]
    given += ["--results", tmp_path / "results", "--quiet", "--format", "json"]
    code, output, errors = main_here("run", "--method", "gradient-ascent", *given)
    assert code == 0, errors
    record = json.loads(output)
    cut = {"forget_eval": 1, "forget_train": 1, "target training": 2}
    assert record["data"]["truncated"] == cut
    assert any("longer than 256 tokens" in warning for warning in record["warnings"])
    assert record["metrics"]["unlearn_success"]["n"] == 3


def test_hub_out_of_reach(refused):
    assert "hub" in refused(1, "--model", "nobody/no-such-model")


def test_unknown_folder(refused):
    assert "no such folder" in refused(1, "--model", "./nowhere/model")


def test_no_cuda_here(refused):
    assert "cpu" in refused(2, "--device", "cuda:9")


def test_unknown_command(main_here):
    code, _, errors = main_here("runn")
    assert code == 2
    assert errors.startswith("error: unknown command 'runn'")
    assert "Did you mean run" in errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("methd: memflex\n", ["methd", "method"]),
        ("- memflex\n", ["keys and values"]),
        ("method: [\n", ["not YAML"]),
        ("seed: -1\n", ["seed"]),
        ("set: 3\n", ["set"]),
    ],
)
def test_bad_yaml(refused, tmp_path, text, words):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    error = refused(2, path)
    for word in words:
        assert word in error


def test_flags_override_the_file(main_here, tmp_path, data_folder):
    path = tmp_path / "run.yaml"
    path.write_text(f"method: gradient-ascent\nseed: 3\nset: {{lr: 2e-4}}\ndata: {data_folder}\n")
    code, output, errors = main_here("run", path, "--seed", "4", "--dry-run", "--quiet")
    assert code == 0, errors
    spec = json.loads(output)
    assert (spec["method"], spec["seed"], spec["config"]["lr"]) == ("gradient-ascent", 4, 2e-4)
    assert len(spec["run_id"]) == 16


@pytest.mark.slow
def test_debug_shows_the_traceback(tmp_path):
    words = ("run", "--data", str(tmp_path / "nowhere"), "--debug")
    command = [sys.executable, "-m", "unharness.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("rmu", "layer=99"),
        ("lunar", "layer=99"),
        ("circuit-breaker", "layers=[0, 99]"),
        ("npo-sam", "base=rmu:layer=99"),
    ],
)
def test_a_block_that_the_model_lacks_is_refused_before_the_target_is_trained(
    refused, tmp_path, monkeypatch, method, setting
):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))  # no target is in there
    error = refused(1, "--model", "micro", "--method", method, "--set", setting)
    assert "the model has blocks 0 to 1" in error
    assert not list((tmp_path / "cache").glob("models/*"))
