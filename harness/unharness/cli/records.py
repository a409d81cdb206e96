"""`unharness records`: check records before they are shared, and print their JSON Schema."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness.cli.console import echo, echo_json
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option, format_option
from unharness.safe_text import one_line

if TYPE_CHECKING:
    from unharness.records.audit import Audit, Finding

EPILOG = """\b
Examples:
  unharness records check results
  unharness records schema > record.schema.json
"""
CHECK_EPILOG = """\b
Examples:
  unharness records check results
  unharness records check results/published --public
  unharness records check results/published --public --format github

\b
Exit code 1 if a record fails; a warning does not fail.
"""
SCHEMA_EPILOG = """\b
Examples:
  unharness records schema
  unharness records schema > record.schema.json
"""


@click.group("records", cls=NearGroup, epilog=EPILOG)
@debug_option
def records_command() -> None:
    """Check records, or print their JSON Schema."""


@records_command.command("check", epilog=CHECK_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--public",
    is_flag=True,
    help="The folder is to be published: texts of data that is not bundled, and files that no "
    "record names, fail.",
)
@format_option("text", "json", "github")
@debug_option
@click.pass_context
def check_command(ctx: click.Context, folder: Path, public: bool, form: str) -> None:
    """Check every record under DIR: pass, warn or fail.

    A record fails if it is not as the schema says, if its run id is not the hash of its spec, if a
    file beside it is not the one that it names, if a number is not finite, or if a value lies far
    outside of its interval.
    """
    from unharness.records.audit import audit_folder

    found = audit_folder(folder, public=public)
    if form == "json":
        echo_json([_values(one) for one in found])
    elif form == "github":
        for one in found:
            for finding in one.findings:
                echo(annotation(one, finding))
    else:
        _print(found)
    if any(one.level == "fail" for one in found):
        ctx.exit(1)


@records_command.command("schema", epilog=SCHEMA_EPILOG)
@debug_option
def schema_command() -> None:
    """Print the JSON Schema of run.json."""
    from unharness.records.json_schema import record_schema

    echo_json(record_schema())


def annotation(audit: Audit, finding: Finding) -> str:
    """Return a finding as a workflow command of GitHub Actions, which annotates the file."""
    kind = {"warn": "warning", "fail": "error"}[finding.level]
    title = _property(f"{audit.run_id or 'record'}: {finding.check}")
    return f"::{kind} file={_property(str(audit.path))},title={title}::{_data(finding.message)}"


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _values(audit: Audit) -> dict[str, object]:
    findings = [
        {"level": one.level, "check": one.check, "message": one.message} for one in audit.findings
    ]
    return {
        "path": str(audit.path),
        "run_id": audit.run_id,
        "level": audit.level,
        "findings": findings,
    }


def _print(found: list[Audit]) -> None:
    for one in found:
        for finding in one.findings:
            echo(one_line(f"{finding.level}: {one.path}: {finding.check}: {finding.message}"))
    counts = Counter(one.level for one in found)
    parts = ", ".join(f"{counts[level]} {level}" for level in ("pass", "warn", "fail"))
    echo(f"{len(found)} record{'s' * (len(found) != 1)}: {parts}")
