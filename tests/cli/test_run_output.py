"""What a run prints: the panel, the record's path, and with --quiet nothing."""

import json
import subprocess
import sys

import pytest

from unharness import load_records

pytestmark = pytest.mark.slow

BRIEF = ("--model", "micro", "--data", "standin", "--suite", "none", "--target-set", "epochs=2")
WORDS = (*BRIEF, "--epochs", 1)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder whose name is longer than a terminal is wide, with a space in it."""
    return tmp_path_factory.mktemp("results") / "-".join(["a folder"] * 14)


@pytest.fixture
def run(call, results, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: call("run", *WORDS, "--results", results, *words)


def test_quiet_prints_nothing_and_json_its_record_alone(run):
    assert run("--quiet") == (0, "", "")
    assert run("--quiet") == (0, "", "")  # a run that was done before
    code, output, errors = run("--quiet", "--format", "json")
    assert (code, errors) == (0, "")
    assert json.loads(output)["status"] == "done"
    code, output, errors = run("--quiet", "--method", "memflexx")
    assert (code, output) == (2, "")
    assert len(errors.splitlines()) == 1


def test_paths_stand_on_a_line_of_their_own(run, results):
    code, output, _ = run("--save-weights", "--prompt", "none", "--prompt", "assistant")
    assert code == 0
    lines = output.splitlines()
    (first, second) = sorted(results.glob("*/*/memflex/*/run.json"))
    assert {f"record  {first}", f"record  {second}"} <= set(lines)
    assert [line for line in lines if line.startswith("weights ")] == [
        f"weights {path}" for path in results.glob("*/*/memflex/*/weights-*")
    ]


def test_a_quiet_sweep_prints_its_failures_alone(call, tmp_path):
    # One worker, and the run that succeeds in the same sweep: each of them imports torch.
    words = ("sweep", "-m", "memflex", *BRIEF, "--quiet", "--workers", "1", "--no-references")
    words = (*words, "--set", "epochs=1")
    code, output, errors = call(*words, "--set", "mu=q0.5,-1", "--results", tmp_path)
    assert (code, output) == (3, "")
    assert "done" in {one.status for one in load_records(tmp_path) if one.spec.method == "memflex"}
    failed, *rest = errors.splitlines()
    assert failed.startswith("failed: memflex · epochs=1 · mu=-1")
    assert len(rest) == 2  # how to run them again


HEAVY = ("torch", "transformers", "lm_eval", "datasets", "peft", "scipy", "vllm")
SHOW = """
import sys
from unharness.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("imported:", *(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("form", ["table", "json"])
def test_showing_a_finished_run_again_imports_nothing_heavy(
    call, checkpoint, tmp_path_factory, form
):
    """What is heavy takes seconds: a finished run is shown from its record, in one second."""
    words = ("run", "--model", checkpoint("llama"), "--data", "standin", "--format", form)
    words += ("--suite", "general-facts", "--limit", 2, "--limit-train", 4, "--epochs", 1)
    words += ("--target-set", "epochs=2")
    words += ("--results", tmp_path_factory.getbasetemp() / "shown", "--device", "auto")
    code, first, _ = call(*words)
    assert code == 0
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(heavy=HEAVY), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "imported:"
    if form == "json":
        assert json.loads(done.stdout) == json.loads(first)
    else:
        assert "This run was done before" in done.stdout
