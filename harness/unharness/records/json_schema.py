"""The JSON Schema of run.json, made from the classes that read and write it."""

from __future__ import annotations

from typing import Any

from unharness.records.record import SCHEMA_VERSION
from unharness.records.run_file import RunFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def record_schema() -> dict[str, Any]:
    """Return the schema; descriptions are the fields' docstrings.

    Fields that have a default may be missing: files of older versions lack those that came later.
    """
    return {
        "$schema": DIALECT,
        **RunFile.model_json_schema(mode="validation"),
        "title": f"unharness run.json, schema {SCHEMA_VERSION}",
    }
