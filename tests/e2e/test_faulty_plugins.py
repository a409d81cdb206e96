"""An installed plugin whose metrics and tasks raise: each is named, and costs only itself."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unharness.registry import registry

MODULE = """
import math
import unharness
from unharness import Composite, Likelihood, Metric, MetricUse, Ref, Score, Task, hookimpl
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

class Fine(Metric):
    name = summary = "fine"
    unit, direction = "%", "higher"

    def observes(self):
        return Likelihood()

    def compute(self, seen, references):
        return seen.mean([42.0] * len(seen.likelihood()))

def metric(label, compute, **more):
    return type(label, (Fine,), {"name": label, "summary": label, "compute": compute, **more})

def raises(self, seen, references):
    raise ZeroDivisionError("one over\\nnothing")

def leaves(self, seen, references):
    raise SystemExit(3)

def refuses(self, **params):
    raise RuntimeError("not today")

METRICS = [
    Fine,
    metric("raises", raises),
    metric("leaves", leaves),
    metric("gives-nothing", lambda *_: None),
    metric("gives-a-number", lambda *_: 3.0),
    metric("gives-nan", lambda *_: Score(math.nan, 1)),
    metric("gives-too-much", lambda *_: Score(1e308, 1)),
    metric("gives-bad-interval", lambda *_: Score(1.0, 1, ci95=(math.nan, "x"))),
    metric("gives-bad-count", lambda *_: Score(1.0, -1)),
    metric("gives-few", lambda *_: Score(1.0, 1, per_example={"forget_eval": [1.0]})),
    metric("gives-odd-split", lambda *_: Score(1.0, 1, per_example={"odd": [1.0]})),
    metric("gives-objects",
           lambda *_: Score(1.0, 1, per_example={"forget_eval": [object()] * 4})),
    metric("cannot-be-made", Fine.compute, __init__=refuses),
    metric("observes-oddly", Fine.compute, observes=lambda self: 7),
    metric("points-nowhere", Fine.compute, direction="sideways"),
    Ref("faulty:Missing", name="is-missing", summary="is-missing"),
]
NAMES = [item.name for item in METRICS]
USES = [MetricUse(name, "forget_eval", label=name) for name in NAMES]

class Mixed(KnowUnDoPrivacy):
    name = summary = "mixed"
    metrics = (
        *USES[1:],
        USES[0],
        *KnowUnDoPrivacy.metrics,
        MetricUse("fine", "forget_eval", label="no-such-parameter", colour="blue"),
        Composite("of-a-faulty-one", of=("fine", "raises")),
        Composite("of-one-that-is-missing", of=("fine", "is-missing")),
    )

def broken(label, **members):
    base = {"name": label, "summary": label, "metrics": USES[:1]}
    return type(label, (KnowUnDoPrivacy,), base | members)

def raising(*_):
    raise KeyError("no\\nsuch file")

TASKS = [
    Mixed,
    broken("no-load", load=raising),
    broken("load-gives-nothing", load=lambda self, source: None),
    broken("no-recipe", target_recipe=raising),
    broken("recipe-gives-nothing", target_recipe=lambda self, model: {}),
    broken("cannot-be-made-task", __init__=raising),
    broken("no-metrics", metrics=property(raising)),
    Ref("faulty:Missing", name="missing-task", summary="missing-task"),
]

class Shy(type(Task)):
    @property
    def summary(cls):
        raise RuntimeError("no summary today")

class ShyTask(KnowUnDoPrivacy, metaclass=Shy):
    name = "shy"

TASKS.insert(0, ShyTask)

@hookimpl
def unharness_metrics():
    return METRICS

@hookimpl
def unharness_tasks():
    return TASKS
"""
FAULTY_METRICS = {
    "raises": "ZeroDivisionError: one over nothing",
    "leaves": "SystemExit: 3",
    "gives-nothing": "NoneType",
    "gives-a-number": "float",
    "gives-nan": "value",
    "gives-too-much": "value",
    "gives-bad-interval": "ci95",
    "gives-bad-count": "n",
    "gives-few": "forget_eval",
    "gives-odd-split": "odd",
    "gives-objects": "per_example",
    "cannot-be-made": "RuntimeError: not today",
    "observes-oddly": "observes",
    "points-nowhere": "direction",
    "is-missing": "Missing",
}
FAULTY_TASKS = (
    "no-load",
    "load-gives-nothing",
    "no-recipe",
    "recipe-gives-nothing",
    "cannot-be-made-task",
    "no-metrics",
    "missing-task",
)


@pytest.fixture
def faulty(
    main_here: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """faulty("tasks", …) -> exit code, stdout, stderr, with the plugin installed."""
    site = tmp_path / "site"
    info = site / "faulty_plugin-1.5.dist-info"
    info.mkdir(parents=True)
    (site / "faulty.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-plugin\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[unharness]\nodd = faulty\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("UNHARNESS_RESULTS", str(tmp_path / "results"))
    registry.cache_clear()
    yield main_here
    registry.cache_clear()
    sys.modules.pop("faulty", None)


@pytest.mark.slow
def test_a_faulty_metric_costs_its_own_column_alone(faulty: Any):
    code, out, err = faulty(
        *("run", "--task", "mixed", "--model", "micro", "--method", "gradient-ascent"),
        *("--epochs", "1", "--data", "standin", "--limit", "4", "--format", "json"),
    )
    assert code == 0, err
    record = json.loads(out)
    assert record["status"] == "done"
    assert record["metrics"]["fine"]["value"] == 42.0
    assert record["metrics"]["success_avg"]["value"] is not None
    for name, words in FAULTY_METRICS.items():
        metric = record["metrics"][name]
        assert metric["value"] is None, name
        assert words in metric["status"], name
        [warning] = [text for text in record["warnings"] if f"metric {name!r}" in text]
        assert "plugin 'odd' (faulty-plugin 1.5)" in warning
        assert words in warning
        assert "\n" not in warning
    assert "colour" in record["metrics"]["no-such-parameter"]["status"]
    for name, part in {"of-a-faulty-one": "raises", "of-one-that-is-missing": "is-missing"}.items():
        assert record["metrics"][name]["value"] is None
        assert part in record["metrics"][name]["status"]
    # What the others say of every answer is kept.
    code, out, err = faulty("show", record["run_id"], "--examples", "1")
    assert (code, err) == (0, "")
    assert "faulty-plugin 1.5" in out


@pytest.mark.slow
@pytest.mark.parametrize("task", FAULTY_TASKS)
def test_a_faulty_task_is_named_in_one_line(faulty: Any, tmp_path: Path, task: str):
    code, _, err = faulty("run", "--task", task, "--model", "micro", "--data", "standin")
    assert code == 1
    [line] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert f"task {task!r} of plugin 'odd' (faulty-plugin 1.5)" in line
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists()


def test_faulty_ones_are_listed_beside_the_others(faulty: Any):
    for kind, names in (("tasks", FAULTY_TASKS), ("metrics", FAULTY_METRICS)):
        code, out, _ = faulty(kind, "--format", "json")
        assert code == 0
        listed = {row["name"] for row in json.loads(out)}
        assert set(names) <= listed
        assert listed & {"knowundo-privacy", "token_accuracy"}
    for kind, name in (("tasks", "missing-task"), ("metrics", "is-missing")):
        code, _, err = faulty(kind, "show", name)
        assert code == 1
        assert f"{kind[:-1]} {name!r} of plugin 'odd' (faulty-plugin 1.5)" in err
        assert err.count("\n") == 1
    assert faulty("tasks", "show", "knowundo-privacy")[0] == 0


def test_a_class_whose_summary_raises_costs_itself_alone(faulty: Any):
    code, out, _ = faulty("plugins", "show", "odd", "--format", "json")
    assert code == 0
    [plugin] = json.loads(out)
    assert any("no summary today" in error for error in plugin["errors"])
    assert "mixed" in plugin["provides"]["tasks"]
