import csv
import io
import json

import pytest


@pytest.fixture
def results(make_record, save):
    metrics = {"unlearn_success": (60.0, 55.0, 65.0), "success_avg": (70.0, 65.0, 75.0)}
    store = save(
        make_record("vanilla", metrics),
        make_record("memflex", metrics),
        make_record("memflex", {"own_metric": 1.0}, task="other", model="big"),
    )
    return store.root


def test_table_on_stdout(call, results):
    code, out, err = call("leaderboard", "--results", results)
    assert (code, err) == (0, "")
    assert "knowundo-privacy · path data abababab · tiny" in out
    assert "70.0" in out
    assert "too narrow" not in out


def test_the_variable_names_the_folder(call, results, monkeypatch):
    monkeypatch.setenv("UNHARNESS_RESULTS", str(results))
    assert len(json.loads(call("leaderboard", "--format", "json")[1])) == 3


def test_the_default_folder_is_results(call, results, monkeypatch):
    monkeypatch.chdir(results.parent)
    assert len(json.loads(call("leaderboard", "--format", "json")[1])) == 3


def test_filters(call, results):
    def methods(*arguments):
        out = call("leaderboard", "--results", results, "--format", "json", *arguments)[1]
        return [(row["task"], row["model"]) for row in json.loads(out)]

    assert methods("--task", "other") == [("other", "big")]
    assert methods("--model", "big", "--model", "tiny", "--task", "other") == [("other", "big")]
    assert methods("--task", "unheard-of") == []


def test_metric_keeps_only_those_columns(call, results):
    _, out, _ = call(
        "leaderboard", "--results", results, "--format", "csv", "--metric", "own_metric"
    )
    values = {row["task"]: row["own_metric"] for row in csv.DictReader(io.StringIO(out))}
    assert values == {"knowundo-privacy": "", "other": "1.0"}
    assert "success_avg" not in out
    code, out, _ = call("leaderboard", "--results", results, "--metric", "unlearn_success")
    assert code == 0
    assert "Avg" not in out
    # Registered, though no record has it: nothing to show, but no mistake.
    code, _, err = call("leaderboard", "--results", results, "--metric", "retention_ppl")
    assert (code, err) == (0, "")


def test_an_unknown_metric_is_a_mistake(spawn, results):
    done = spawn("leaderboard", "--results", results, "--metric", "own_metrik")
    assert done.returncode == 2
    assert "Did you mean own_metric" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("form", "expected"), [("table", ""), ("json", "[]\n"), ("markdown", ""), ("csv", None)]
)
def test_an_empty_folder_says_what_to_do(call, tmp_path, form, expected):
    code, out, err = call("leaderboard", "--results", tmp_path, "--format", form)
    assert code == 0
    assert err == f"no records under {tmp_path}/; create one: unharness run\n"
    if expected is not None:
        assert out == expected


def test_empty_folder_in_a_process_of_its_own(spawn, tmp_path):
    done = spawn("leaderboard", "--results", tmp_path / "none", "--format", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert done.stderr.count("\n") == 1


def test_only_unranked_records_say_so(call, make_record, save):
    store = save(make_record(status="failed", error="MethodError: no"))
    code, out, err = call("leaderboard", "--results", store.root)
    assert (code, out) == (0, "")
    assert "1 failed" in err


def test_skipped_records_are_warned_of_and_the_rest_is_shown(spawn, make_record, save, results):
    path = save(make_record("memflex", seed=7)).paths()[0]
    path.write_text("{ half")
    done = spawn("leaderboard", "--results", results, "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert f"warning: skipped {path}" in done.stderr
    assert path.read_text() == "{ half"


def test_a_file_is_no_results_folder(call, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    assert call("leaderboard", "--results", path)[0] == 2


def test_narrow_terminal(call, results, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    code, out, _ = call("leaderboard", "--results", results)
    assert code == 0
    assert "70.0" in out
    assert "…" not in out


def test_details_are_shown_when_they_are_asked_for(call, make_record, save):
    record = make_record(metrics={"success_avg": 12.3, "fine_grained": 45.6})
    record.metrics["fine_grained"].detail = True
    folder = save(record).root
    table = call("leaderboard", "--results", folder)[1]
    assert "45.6" not in table
    assert "Also measured: fine_grained" in table
    for form in ("markdown", "latex"):
        assert "45.6" not in call("leaderboard", "--results", folder, "--format", form)[1]
    for more in (("--metric", "fine_grained"), ("--format", "csv"), ("--format", "html")):
        assert "45.6" in call("leaderboard", "--results", folder, *more)[1]
