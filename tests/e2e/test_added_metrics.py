"""`--metric`: a metric besides the task's own, on a run or on records, without another run id."""

import json
from pathlib import Path

import pytest

from unharness import Example, MetricUse, Split
from unharness.errors import UnknownNameError, UsageError
from unharness.evaluation.uses import uses_of
from unharness.pipeline.added_metrics import columns_with_added
from unharness.plugin_files import FILES_VARIABLE
from unharness.records.store import read_records
from unharness.registry import registry

METRIC = '''
from pydantic import Field
from unharness import Generated, Metric, MetricUse, hookimpl


class Letters(Metric):
    """How many letters the generated texts have, at most a bound."""

    name = "letters"
    summary = "Mean number of letters of generated texts."
    unit = "letters"
    direction = "higher"

    class Params(Metric.Params):
        most: int = Field(1000, ge=1)

    def observes(self):
        return Generated()

    def compute(self, seen, references):
        return seen.mean([float(min(len(text), self.params.most)) for text in seen.texts()])


@hookimpl
def unharness_metrics():
    return [Letters]


@hookimpl
def unharness_task_metrics():
    use = MetricUse("letters", "forget_eval", label="forget_letters")
    gone = MetricUse("letters", "nowhere", optional=True)
    return {"knowundo-privacy": [use, gone], "tofu": [MetricUse("letters", label="model_utility")]}
'''
SPLITS = {
    name: Split(name, name, examples=(Example(name, "Where?", "There."),))
    for name in ("forget", "retain")
}


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "letters.py"
    path.write_text(METRIC)
    monkeypatch.setenv(FILES_VARIABLE, str(path))
    registry.cache_clear()
    yield path
    registry.cache_clear()


def columns(*added: str):
    own = (MetricUse("token_accuracy", "forget"),)
    return columns_with_added(own, added, SPLITS, registry())


def test_a_metric_stands_behind_the_task_s_own():
    found = columns("letters@retain", "letters:most=3,label=few@forget")
    assert [one.label for one in found] == ["token_accuracy_forget", "letters_retain", "few"]
    assert found[2].metric.params.most == 3
    assert [one.label for one in columns("letters")][1:] == ["letters_forget", "letters_retain"]
    against = columns("membership_auc:against=retain,label=told_apart@forget")[1]
    assert (against.split, against.against) == ("forget", "retain")


def test_a_plugin_s_columns_stand_behind_the_task_s_own(main_here):
    tasks = {name: registry().get("tasks", name) for name in ("knowundo-privacy", "tofu", "lume")}
    uses = {name: uses_of(task, registry()) for name, task in tasks.items()}
    own = {name: len(task.metrics) for name, task in tasks.items()}
    added = uses["knowundo-privacy"][own["knowundo-privacy"] :]
    assert [one.own_label() for one in added] == ["forget_letters", "letters_nowhere"]
    assert [one.label_pattern() for one in uses["tofu"][own["tofu"] :]] == ["model_utility_*"]
    assert len(uses["lume"]) == own["lume"]
    code, out, _ = main_here("tasks", "show", "knowundo-privacy", "--format", "json")
    assert code == 0
    assert "forget_letters" in json.loads(out)["metrics"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("leters", UnknownNameError, "letters"),
        ("letters@forgot", UsageError, "'forgot' is no evaluated split"),
        ("letters:least=3", UsageError, "has no parameter 'least'"),
        ("letters:most=0", UsageError, "most=0"),
        ("letters:most", UsageError, "expected NAME:SETTING=VALUE"),
        ("letters:label=3", UsageError, "label=3 is no name"),
        ("letters:direction=up", UsageError, "direction is one of"),
        ("letters:complement=1", UsageError, "complement is true or false"),
        ("choice_accuracy", UsageError, "no evaluated split has what it asks for"),
        ("token_accuracy@forget", UsageError, "give one of them another label"),
    ],
)
def test_what_cannot_be_added_is_said(text, error, message):
    with pytest.raises(error, match=message):
        columns(text)


@pytest.mark.slow
def test_a_run_and_its_records_take_more_metrics(main_here, tmp_path, data_folder):
    results = tmp_path / "results"
    words = ("--model", "micro", "--method", "gradient-ascent", "--limit", "2", "--suite", "none")
    place = ("--data", data_folder, "--results", results, "--quiet")

    def record():
        [path] = results.glob("*/*/gradient-ascent/*/run.json")
        return read_records(path)[0]

    def run(*more: str):
        code, _, err = main_here("run", *words, *place, *more)
        assert code == 0, err
        return record()

    first = run()
    assert "letters_retain_eval" not in first.metrics
    assert first.metrics["forget_letters"].value > 0
    assert "letters_nowhere" not in first.metrics
    more = run("--metric", "letters@retain_eval")
    assert more.run_id == first.run_id
    assert more.training == first.training  # nothing was trained again
    assert more.metrics["letters_retain_eval"].value > 0
    assert run().metrics == more.metrics  # asked for less, it is there already

    code, _, err = main_here(
        *("score", more.run_id, "--results", results),
        *("--metric", "letters:most=1,label=short@retain_eval"),
    )
    assert code == 0, err
    scored = record()
    assert scored.run_id == first.run_id
    assert scored.metrics["short"].value == 1.0
    assert scored.metrics["letters_retain_eval"].value == more.metrics["letters_retain_eval"].value
    assert set(first.metrics) < set(scored.metrics)
    code, out, err = main_here("score", "--results", results, "--format", "json")
    assert code == 0, err
    assert all(
        "short" in one["metrics"] for one in json.loads(out) if one["run_id"] == first.run_id
    )
