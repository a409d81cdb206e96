"""What ranks is what the reports speak of: the task's own headline, whatever it is called."""

import json
import re

import pytest
from click.testing import CliRunner

from unharness.cli.main import cli
from unharness.records.files import write_json_lines
from unharness.records.store import EXAMPLES_FILE
from unharness.registry import registry
from unharness.report.build import build_board
from unharness.report.html.page import to_html

TASK = "knowundo-privacy"


@pytest.fixture
def ranked_by(monkeypatch):
    def choose(metric):
        monkeypatch.setattr(registry().get("tasks", TASK), "headline", metric)

    return choose


@pytest.fixture
def results(make_record, save):
    """Two methods; what each metric says of one question, and success_avg something else."""

    def write(metric, a, b):
        for method, score in {"memflex": a, "kl": b}.items():
            record = make_record(method, {"success_avg": 50.0, metric: score, "mia": 1.0})
            store = save(record)
            write_json_lines(
                store.folder(record.spec) / EXAMPLES_FILE,
                (
                    {"split": "forget_eval", "id": str(at), "prompt": "q", "answer": "a"}
                    | {"generated": method, "scores": {"success_avg": 50.0 + at, metric: score}}
                    for at in range(3)
                ),
            )
        return store

    return write


def page_data(store):
    page = to_html(build_board(store), store)
    [found] = re.findall(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(found)


@pytest.mark.parametrize("metric", ["own_success", "retention_success"])
def test_the_page_shows_the_headlines_score_of_an_answer(results, ranked_by, metric):
    ranked_by(metric)
    [group] = page_data(results(metric, 12.5, 20.0))["groups"]
    shown = {run["method"]: run["after"] for run in group["runs"].values()}
    assert shown == {"memflex": [["memflex", 12.5]] * 3, "kl": [["kl", 20.0]] * 3}
    assert group["score"] == {"label": metric, "unit": "%"}


def test_a_headline_that_no_example_has_shows_no_score(results, ranked_by):
    ranked_by("mia")
    [group] = page_data(results("own_success", 1.0, 2.0))["groups"]
    assert {score for run in group["runs"].values() for _, score in run["after"]} == {None}


def test_a_perplexitys_score_is_said_to_be_a_log_probability(results, ranked_by):
    ranked_by("retention_ppl")
    [group] = page_data(results("retention_ppl", 1.0, 2.0))["groups"]
    assert group["score"] == {"label": "mean log-probability (retention_ppl)", "unit": ""}


def test_compare_needs_no_headline(results, ranked_by):
    ranked_by("unheard-of")
    store = results("own_success", 1.0, 2.0)
    done = CliRunner().invoke(cli, ["compare", "memflex", "kl", "--results", str(store.root)])
    assert done.exit_code == 0
    assert "own_success" in done.output


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [
        ("own_success", 80.0, 20.0),
        ("unlearn_rouge_l", 20.0, 80.0),  # the lower the better
    ],
)
def test_compare_calls_worst_what_the_headline_calls_worse(
    results, ranked_by, metric, better, worse
):
    ranked_by(metric)
    store = results(metric, worse, better)
    out = CliRunner().invoke(cli, ["compare", "memflex", "kl", "--results", str(store.root)]).output
    assert f"worst for A (memflex), by {metric}:" in out
    assert "best for A" not in out
    assert f"{better:.1f} → {worse:.1f}" in out
