"""`unharness score`: metrics that did not exist when a run was made, without its model."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MODULE = """
import os
from unharness import Choices, Composite, Likelihood, Metric, MetricUse, Task, hookimpl
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

LATER = os.environ.get("LATER") == "1"

class Mine(KnowUnDoPrivacy):
    name = summary = "mine"
    headline = "kept"
    metrics = [
        MetricUse("token_accuracy", "forget_eval", label="known"),
        MetricUse("token_accuracy", "retain_eval", label="kept"),
    ]
    if LATER:
        metrics += [
            MetricUse("likely", "forget_eval"),
            MetricUse("distance", "forget_eval", label="away"),
            MetricUse("likely", "forget_eval", label="perturbed", answer="perturbed"),
            Composite("both", kind="harmonic_mean", of=("known", "kept")),
        ]

class Probability(Metric):
    name = summary = "likely"
    unit, direction = "%", "lower"

    class Params(Metric.Params):
        answer: str = "answer"

    def observes(self):
        return Likelihood(answers=(self.params.answer,))

    def compute(self, seen, references):
        import math
        rows = [row[0] for row in seen.likelihood(self.params.answer)]
        return seen.mean([100 * math.exp(sum(r.log_probs) / len(r.log_probs)) for r in rows])

class Distance(Metric):
    name = summary = "distance"
    unit, direction = "points", "lower"
    references = frozenset({"retrained", "target"})

    def observes(self):
        return Likelihood()

    def compute(self, seen, references):
        def accuracy(one):
            return [100 * sum(r[0].hits) / len(r[0].hits) for r in one.likelihood()]
        gold = [sum(v) / len(v) for v in zip(*map(accuracy, references["retrained"]))]
        assert accuracy(references["target"][0])
        return seen.mean([abs(a - g) for a, g in zip(accuracy(seen), gold)])

@hookimpl
def unharness_metrics():
    return [Probability, Distance]

@hookimpl
def unharness_tasks():
    return [Mine]
"""


@pytest.fixture
def installed(tmp_path: Path):
    """What PYTHONPATH must be for the plugin."""
    site = tmp_path / "site"
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mine_plugin.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unharness]\nmine = mine_plugin\n")
    return os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture
def at(cli, installed, tmp_path: Path):
    """at("run", …, LATER="1") -> stdout of the command line, with the plugin installed."""

    def call(*words: object, **variables: str) -> str:
        done = cli(*words, "--results", tmp_path / "results", PYTHONPATH=installed, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def alone(installed, tmp_path: Path):
    """alone("score", …, LATER="1") -> stdout of a new process, and whether it imported torch."""

    def call(*words: object, **variables: str) -> tuple[str, bool]:
        code = (
            "import sys\nfrom unharness.cli.main import main\n"
            "try:\n    main(sys.argv[1:])\n"
            "finally:\n    print('torch' in sys.modules, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words), "--results", str(tmp_path / "results")],
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, "PYTHONPATH": installed, **variables},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, {"True": True, "False": False}[done.stderr.splitlines()[-1]]

    return call


def test_new_metrics_are_computed_without_the_model(at, alone, tmp_path):
    run = ("run", "--task", "mine", "--model", "micro", "--data", "standin", "--suite", "none")
    made = json.loads(at(*run, "-m", "gradient-ascent", "--epochs", "1", "-q", "--format", "json"))
    assert list(made["metrics"]) == ["known", "kept"]
    again = json.loads(at("score", made["run_id"], "--format", "json"))[0]
    assert again["metrics"] == made["metrics"]  # to the last digit

    text, torch = alone("score", made["run_id"], "--format", "json", LATER="1")
    assert not torch
    [scored] = json.loads(text)
    metrics = scored["metrics"]
    assert metrics["known"] == made["metrics"]["known"]
    probability = metrics["likely_forget_eval"]
    assert 0 < probability["value"] < 100
    assert (probability["metric"], probability["version"]) == ("likely", 1)
    assert probability["params"] == {"answer": "answer"}
    one, other = (metrics[label]["value"] for label in ("known", "kept"))
    assert metrics["both"]["value"] == pytest.approx(2 * one * other / (one + other))
    assert metrics["perturbed"]["value"] is None
    assert metrics["perturbed"]["status"] == "the examples of forget_eval have no wrong answers"
    assert metrics["perturbed"]["n_unscored"] > 0
    assert "retrained" in metrics["away"]["status"]

    # Once the retrained row is there, what compares with it can be computed.
    retrained = json.loads(at(*run, "-m", "retrain", "-q", "--format", "json"))
    text = at("score", LATER="1")
    assert text.count("\n") == 3  # the target's own row, too
    why = "no value of perturbed (the examples of forget_eval have no wrong answers)"
    assert all(line.endswith(why) for line in text.splitlines())
    shown = json.loads(at("show", made["run_id"], "--format", "json"))
    by_hand = _distance(tmp_path, made["run_id"], retrained["run_id"])
    assert shown["metrics"]["away"]["value"] == pytest.approx(by_hand, abs=1e-9)
    assert json.loads(at("show", retrained["run_id"], "--format", "json"))["metrics"]["away"][
        "value"
    ] == pytest.approx(0.0, abs=1e-9)


def _distance(folder: Path, one: str, other: str) -> float:
    shares = []
    for run in (one, other):
        [path] = folder.glob(f"results/*/*/*/{run}/examples-*.jsonl.gz")
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        shares.append(
            [100 * sum(r["hits"]) / len(r["hits"]) for r in rows if r["split"] == "forget_eval"]
        )
    return sum(abs(a - b) for a, b in zip(*shares, strict=True)) / len(shares[0])


def test_runs_without_observations_are_named(at, tmp_path):
    run = ("run", "--task", "mine", "--model", "micro", "--data", "standin", "--suite", "none")
    made = json.loads(at(*run, "-m", "vanilla", "-q", "--format", "json"))
    [path] = tmp_path.glob(f"results/*/*/*/{made['run_id']}/observations-*.zip")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"observations-.*bytes instead of .*--force"):
        at("score", made["run_id"])
