"""Prompts, presets and general text, as a user asks for them."""

import json

import pytest

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

# What the target knows and says is not the point: it is taught briefly.
SHORT = ("--limit-train", "6", "--suite", "none", "--target-set", "epochs=2")
SHORT += ("--max-new-tokens", "8")


@pytest.fixture
def run(main_here, data_folder, tmp_path):
    """run("memflex", …) -> (exit code, stdout, stderr) of a run on a few real examples."""

    def call(method, *words):
        place = ("--data", data_folder, "--results", tmp_path / "results")
        model = () if "--model" in words else ("--model", "micro")
        return main_here("run", "--method", method, *model, *place, *SHORT, *words)

    return call


@pytest.fixture
def records(tmp_path):
    """records() -> all records there are, by method and attack."""

    def call():
        paths = (tmp_path / "results").glob("*/*/*/*/run.json")
        made = [read_records(path)[0].model_dump(mode="json") for path in paths]
        return {(r["spec"]["method"], r["spec"]["attack_name"]): r for r in made}

    return call


def test_prompts_are_evaluated_on_the_same_weights(run, records, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("Say nothing about anybody.")
    prompts = ("--prompt", "none", "--prompt", "assistant", "--prompt", own)
    code, out, err = run("gradient-ascent", *prompts)
    assert code == 0, err
    assert "the same weights · attack: assistant" in out
    assert "attack: own.txt" in out
    made = records()
    names = ["none", "assistant", "own.txt"]
    assert set(made) == {(m, p) for m in ("vanilla", "gradient-ascent") for p in names}
    for method in ("vanilla", "gradient-ascent"):
        rows = [made[method, name] for name in names]
        assert len({row["training"]["weights_hash"] for row in rows}) == 1
        assert len({row["run_id"] for row in rows}) == 3
        assert len({json.dumps(row["training"]) for row in rows}) == 1  # trained once
        assert all(row["status"] == "done" for row in rows)
        counts = {row["metrics"]["unlearn_success"]["n"] for row in rows}
        assert counts == {6}
    losses = [made["gradient-ascent", name]["metrics"]["unlearn_ppl"]["value"] for name in names]
    assert len(set(losses)) == 3  # the prompt is really read
    texts = [made["gradient-ascent", name]["spec"]["attacks"] for name in names]
    assert texts[0] == []
    assert texts[2][0]["config"] == {"text": "Say nothing about anybody."}
    # A prompt more: the others are not made again.
    before = {key: row["finished"] for key, row in made.items()}
    code, out, err = run("gradient-ascent", *prompts, "--prompt", "privacy-sensitive")
    assert code == 0, err
    assert out.count("This run was done before") == 3
    after = records()
    assert {key: after[key]["finished"] for key in before} == before
    added = after["gradient-ascent", "privacy-sensitive"]
    hashes = [row["training"]["weights_hash"] for row in (added, made["gradient-ascent", "none"])]
    assert hashes[0] == hashes[1]


def test_an_out_of_distribution_method_takes_the_model_s_own_facts(run, records):
    for method in ("gradient-difference-ood", "kl-ood"):
        code, _, err = run(method)
        assert code == 0, err
        record = records()[method, "none"]
        assert record["data"]["general"] == "bundled: 150 general facts, none of which a suite asks"
        assert record["data"]["splits"]["general"]["n"] == 6
        assert record["spec"]["streams"]["general"]
        vanilla = records()["vanilla", "none"]
        assert vanilla["spec"]["streams"] == {}
        assert "general" not in vanilla["data"]["splits"]


def test_general_text_from_a_file_is_another_run(run, records, tmp_path):
    run("kl-ood")
    first = records()["kl-ood", "none"]
    path = tmp_path / "texts.jsonl"
    path.write_text('"A text about nothing."\n{"text": "Who?", "labels": "Nobody."}\n')
    code, _, err = run("kl-ood", "--general", path)
    assert code == 0, err
    paths = (tmp_path / "results").glob("*/*/kl-ood/*/run.json")
    made = [read_records(path)[0].model_dump(mode="json") for path in paths]
    [second] = [row for row in made if row["run_id"] != first["run_id"]]
    assert second["data"]["general"] == str(path)
    assert second["training"]["weights_hash"] != first["training"]["weights_hash"]


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize(
    "words",
    [
        ("kl-ood", "--general", "bundled"),
        ("gradient-difference-ood", "--general", "bundled"),
        ("kl", "--set", "fidelity=released-code"),
        ("memflex", "--set", "fidelity=released-code"),
        ("memflex", "--set", "localise=every-step", "--set", "mu=q0.5"),
    ],
    ids=lambda words: "-".join(words[:1] + words[2:]),
)
def test_variants_on_a_checkpoint(run, records, checkpoint, words, tuning):
    folder = checkpoint("qwen2")
    options = ("--model", folder, "--tuning", tuning, "--epochs", "2", "--batch-size", "4")
    code, _, err = run(*words, *options)
    assert code == 0, err
    record = records()[words[0], "none"]
    assert record["training"]["weights_hash"] != record["target"]["weights_hash"]
    assert all(loss == loss for loss in record["training"]["losses"])
    if "localise=every-step" in words:
        region = record["training"]["report"]["region"]
        assert region["steps"] == record["training"]["steps"]
        assert 0 < region["mean_selected_tensors"] < len(region["tensors"])


def test_a_preset_is_taken_and_recorded(run, records):
    preset = ("--preset", "paper:Qwen1.5-7B-Chat")
    code, _, err = run("gradient-ascent", *preset)
    assert code == 0, err
    spec = records()["gradient-ascent", "none"]["spec"]
    assert spec["preset"] == "paper (Qwen1.5-7B-Chat)"
    assert (spec["config"]["lr"], spec["config"]["micro_batch_size"]) == (5e-5, 1)
    assert records()["vanilla", "none"]["spec"]["preset"] is None


BAD_INPUTS = {
    "no general text": (
        ("kl-ood", "--model", "{checkpoint}"),
        ["needs general text", "--general FILE", "--general hub", "--general bundled"],
    ),
    "preset of another model": (
        ("memflex", "--preset", "paper"),
        ["no preset 'paper' for this model", "paper:Llama-2-7b-chat-hf (knowundo-privacy)"],
    ),
    "no presets": (("retrain", "--preset", "paper"), ["'retrain' has no presets"]),
    "no such prompt": (
        ("memflex", "--prompt", "asistant"),
        ["no such file", "Did you mean assistant"],
    ),
    "no such prompt file": (
        ("memflex", "--prompt", "{folder}/gone.txt"),
        ["gone.txt: no such file"],
    ),
    "empty prompt file": (
        ("memflex", "--prompt", "{folder}/empty.txt"),
        ["empty.txt: the file is empty"],
    ),
}


@pytest.mark.parametrize("case", list(BAD_INPUTS))
def test_bad_input(run, records, tmp_path, checkpoint, case):
    (tmp_path / "empty.txt").write_text("\n")
    words, expected = BAD_INPUTS[case]
    places = {"checkpoint": checkpoint("qwen2"), "folder": tmp_path}
    code, out, err = run(*(word.format(**places) for word in words))
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for text in expected:
        assert text in err
    assert records() == {}


def test_a_missing_general_file_is_a_failure_of_data(run, tmp_path):
    code, _, err = run("kl-ood", "--general", tmp_path / "gone.json")
    assert code == 1
    assert "general text cannot be read" in err
