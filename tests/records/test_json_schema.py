"""The JSON Schema in docs/ is that of the code, and of every record that is published."""

import json
from pathlib import Path

import jsonschema
import pytest

from unharness.records.json_schema import record_schema

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "docs" / "record.schema.json").read_text())
PUBLISHED = sorted((REPOSITORY / "results" / "published").glob("*/*/*/*/run.json"))


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_the_file_is_that_of_the_code():
    fix = "write it anew: unharness records schema > docs/record.schema.json"
    assert record_schema() == SCHEMA, fix


def test_published_records_are_valid(validator):
    some = {path.parents[1]: path for path in PUBLISHED}  # one a method: each takes 50 ms
    assert some
    for path in some.values():
        error = next(validator.iter_errors(json.loads(path.read_text())), None)
        assert error is None, f"{path}: {error}"


def test_fields_say_what_they_hold():
    parts = SCHEMA["$defs"].values()
    fields = [field for part in parts for field in part.get("properties", {}).values()]
    described = [field for field in fields if field.get("description")]
    assert len(described) > len(fields) / 2


def test_a_record_that_lacks_something_is_refused(validator):
    content = json.loads(PUBLISHED[0].read_text())
    del content["attacked"]["unlearn"]["seed"]
    content["colour"] = "red"
    found = {error.validator for error in validator.iter_errors(content)}
    assert found == {"required", "additionalProperties"}
