"""Records as Every Eval Ever: valid by the schemas of its own package, and the same each time."""

import hashlib
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from unharness.errors import RecordError
from unharness.exports.eee.scales import scale_of
from unharness.exports.eee.write import export_records
from unharness.records.record import MetricRecord
from unharness.records.store import RecordStore

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
PACKAGE = "every-eval-ever==0.3.0"
SHA256 = "564b8bc624c1f822f749a769dc69dc058a736e83d920cbeb147c3a30d3152317"
SCHEMAS = "every_eval_ever/schemas/{}.schema.json"


@pytest.fixture(scope="session")
def wheel():
    """The package's wheel, beside the tests' environment; `make test` has downloaded it."""
    folder = Path(sys.prefix) / "downloads"
    options = ("--no-deps", "--ignore-requires-python", "--python-version", "3.12", "--quiet")
    command = [sys.executable, "-m", "pip", "download", *options, "--only-binary", ":all:"]
    if not list(folder.glob("every_eval_ever-0.3.0-*.whl")):
        done = subprocess.run(
            [*command, "--dest", str(folder), PACKAGE], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = f"the wheel of {PACKAGE} is needed, and pip cannot download it"
            (pytest.fail if "UNHARNESS_TEST_DATA" in os.environ else pytest.skip)(reason)
    [path] = folder.glob("every_eval_ever-0.3.0-*.whl")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    return path


@pytest.fixture(scope="session")
def valid(wheel):
    """valid("eval", value) asserts that a value is as the package's schema says."""
    with zipfile.ZipFile(wheel) as archive:
        read = {
            name: json.loads(archive.read(SCHEMAS.format(name)))
            for name in ("eval", "instance_level_eval")
        }
    validators = {name: jsonschema.Draft7Validator(schema) for name, schema in read.items()}

    def check(name, value):
        errors = [
            f"{error.json_path}: {error.message}" for error in validators[name].iter_errors(value)
        ]
        assert errors == []

    return check


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """One published record of every method, exported."""
    folder = tmp_path_factory.mktemp("eee")
    some = {
        found.record.spec.method: found
        for found in RecordStore(PUBLISHED).readable()
        if found.record.spec.method in ("kl", "retrain", "base")
        and found.record.spec.task == "knowundo-privacy"
    }
    return folder, list(some.values()), export_records(list(some.values()), folder, "Our Lab")


def test_published_records_are_valid_aggregates(published, valid):
    folder, records, made = published
    assert len(made) == 2 * len(records) == 6  # lm-eval's results are aggregates of their own
    for path in made:
        content = json.loads(path.read_text())
        valid("eval", content)
        developer, model = content["model_info"]["id"].split("/")
        parts = path.relative_to(folder).parts
        assert parts[0] == "data"
        assert parts[2:4] == (developer, model) == ("our-lab", model)
        assert "detailed_evaluation_results" not in content  # no texts are published


def test_numbers_are_ours_on_the_registered_scales(published):
    _, records, made = published
    by_run = {}
    for path in made:
        content = json.loads(path.read_text())
        run = content["source_metadata"]["additional_details"]["run_id"]
        by_run.setdefault(run, []).append(content)
    for found in records:
        ours, general = by_run[found.record.run_id]
        assert (ours["eval_library"]["name"], general["eval_library"]["name"]) == (
            "unharness",
            "lm_eval",
        )
        results = [*ours["evaluation_results"], *general["evaluation_results"]]
        known = {k: one for k, one in found.record.metrics.items() if one.value is not None}
        assert sorted(one["evaluation_result_id"] for one in results) == sorted(known)
        for one in results:
            metric = known[one["evaluation_result_id"]]
            score, config = one["score_details"]["score"], one["metric_config"]
            low, high = (float(config[name]) for name in ("min_score", "max_score"))
            assert low <= score <= high
            share = config["metric_unit"] == "proportion"
            assert score == pytest.approx(metric.value / (100 if share else 1), abs=1e-9)
            assert config["lower_is_better"] is (metric.direction == "lower")
            arguments = one["generation_config"]["generation_args"]
            assert arguments["temperature"] == 0.0
            assert arguments["max_tokens"] == 96
            interval = one["score_details"]["uncertainty"].get("confidence_interval")
            assert (interval is None) is (metric.ci95 is None)
            assert interval is None or low <= interval["lower"] <= interval["upper"] <= high
        ids = {one["metric_config"]["metric_id"] for one in results}
        assert {"rouge-l", "perplexity", "accuracy", "exact-match"} <= ids
        assert {"unharness.token_accuracy", "unharness.token_accuracy.complement"} <= ids


def test_a_second_export_writes_the_same_files(published, tmp_path):
    folder, records, made = published
    again = export_records(records, tmp_path, "Our Lab")
    assert [path.relative_to(tmp_path) for path in again] == [
        path.relative_to(folder) for path in made
    ]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]


@pytest.mark.slow
def test_samples_are_valid_and_belong_to_their_aggregate(micro_records, valid, tmp_path):
    found = micro_records["none"]
    record = found.record
    if record.data.source != "standin":
        [ours] = export_records([found], tmp_path / "without", "us")
        assert "detailed_evaluation_results" not in json.loads(ours.read_text())
        assert not list((tmp_path / "without").rglob("*.jsonl"))
    made = export_records([found], tmp_path, "us", texts=True, hub_id="me/mine")
    [ours] = [json.loads(path.read_text()) for path in made]
    valid("eval", ours)
    assert ours["model_info"]["id"] == "me/mine"
    assert ours["model_info"]["additional_details"]["model_availability"] == "open_weights"
    facts = ours["detailed_evaluation_results"]
    content = (tmp_path / facts["file_path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == facts["checksum"]
    rows = [json.loads(line) for line in content.splitlines()]
    assert len(rows) == facts["total_rows"] > 0
    results = {one["evaluation_result_id"]: one for one in ours["evaluation_results"]}
    for row in rows:
        valid("instance_level_eval", row)
        assert row["evaluation_id"] == ours["evaluation_id"]
        result = results[row["evaluation_result_id"]]
        assert row["evaluation_name"] == result["evaluation_name"]
        config = result["metric_config"]
        low, high = (float(config[name]) for name in ("min_score", "max_score"))
        assert low <= row["evaluation"]["score"] <= high
    for label in ("unlearn_rouge_l", "retention_success"):
        scores = [
            row["evaluation"]["score"] for row in rows if row["evaluation_result_id"] == label
        ]
        mean = sum(scores) / len(scores)
        assert mean == pytest.approx(results[label]["score_details"]["score"], abs=1e-6)
    perplexities = [
        row["evaluation"]["score"] for row in rows if row["evaluation_result_id"] == "retention_ppl"
    ]
    whole = math.exp(sum(map(math.log, perplexities)) / len(perplexities))
    assert whole == pytest.approx(results["retention_ppl"]["score_details"]["score"], rel=1e-4)


def metric(value, unit, **facts):
    return MetricRecord(metric="m", value=value, n=3, unit=unit, direction="higher", **facts)


def test_bounds_hold_the_value_whatever_the_unit():
    assert scale_of(metric(5.0, "%")).bounds == {"min_score": 0.0, "max_score": 100.0}
    assert scale_of(metric(-5.0, "%")).bounds == {"min_score": "-Infinity", "max_score": 100.0}
    assert scale_of(metric(5.0, "%", ci95=(-1.0, 7.0))).bounds["min_score"] == "-Infinity"
    assert scale_of(metric(5.0, "furlongs")).bounds == {
        "min_score": "-Infinity",
        "max_score": "Infinity",
    }
    tiny = scale_of(metric(100 + 1e-12, "%"))
    assert tiny.bounds["max_score"] == 100.0
    assert tiny.value(100 + 1e-12) == 100.0


def test_what_is_not_finished_is_an_error_or_left_out(make_record, tmp_path):
    from unharness.records.store import StoredRecord

    failed = StoredRecord(make_record("kl", status="failed"), tmp_path)
    limited = StoredRecord(make_record("kl", limit=3), tmp_path)
    with pytest.raises(RecordError, match="nothing can be exported"):
        export_records([failed], tmp_path, "us")
    lines = []
    assert export_records([failed, limited], tmp_path, "us", skip=lines.append) == []
    assert ["failed" in lines[0], "limited" in lines[1]] == [True, True]
    assert len(export_records([limited], tmp_path, "us")) == 1


def test_the_command_asks_who_ran_it_and_writes(main_here, tmp_path):
    words = ("export", PUBLISHED, "--format", "eee", "--to", tmp_path)
    code, _, err = main_here(*words)
    assert code == 2
    assert "--organization NAME" in err
    code, _, err = main_here(*words, "--organization", "us", "--merge")
    assert code == 2
    assert "--merge is for --format checkpoint" in err
    code, _, err = main_here(*words, "--organization", "us", "--hub-id", "me/mine")
    assert code == 2
    assert "give a RUN" in err
    [run, *_] = (PUBLISHED / "knowundo-privacy" / "tiny" / "kl").iterdir()
    words = ("export", run, "--format", "eee", "--to", tmp_path, "--organization", "us")
    code, out, err = main_here(*words)
    assert code == 0, err
    assert len(out.splitlines()) == 2
    assert all(Path(line).is_file() for line in out.splitlines())
