"""`unharness records`."""

import json
import shutil
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"


@pytest.fixture
def results(tmp_path):
    """Two published records; one of them edited."""
    for source in sorted(PUBLISHED.glob("*/*/*/*"))[:2]:
        shutil.copytree(source, tmp_path / source.relative_to(PUBLISHED))
    edited, _ = sorted(tmp_path.glob("*/*/*/*/run.json"))
    edited.write_text(edited.read_text().replace('"seed": 0', '"seed": 100'))
    return tmp_path


def test_text_names_the_record_and_counts(call, results):
    code, out, err = call("records", "check", results, "--public")
    assert (code, err) == (1, "")
    first, last = out.splitlines()
    assert first.startswith("fail: ")
    assert "identity: its spec was changed" in first
    assert last == "2 records: 1 pass, 0 warn, 1 fail"


def test_json_and_annotations(call, results):
    code, out, _ = call("records", "check", results, "--format", "json")
    assert code == 1
    assert sorted(one["level"] for one in json.loads(out)) == ["fail", "warn"]
    code, out, _ = call("records", "check", results, "--public", "--format", "github")
    assert code == 1
    [line] = out.splitlines()
    assert line.startswith("::error file=")
    assert "title=record%3A identity::its spec was changed: the run id" in line


def test_without_records_it_fails_and_warnings_do_not(call, results, tmp_path):
    edited, _ = sorted(results.glob("*/*/*/*"))
    shutil.rmtree(edited)
    code, out, _ = call("records", "check", results)
    assert code == 0
    assert out.endswith("1 record: 0 pass, 1 warn, 0 fail\n")
    (tmp_path / "empty").mkdir()
    code, _, err = call("records", "check", tmp_path / "empty")
    assert code == 1
    assert "no records there" in err


def test_the_schema_is_printed(call):
    code, out, _ = call("records", "schema")
    assert code == 0
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/")
