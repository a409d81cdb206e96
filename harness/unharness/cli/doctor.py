"""`unharness doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from unharness.cli.console import echo_json, stdout_console
from unharness.cli.options import debug_option, format_option, results_option

EPILOG = """\b
Examples:
  unharness doctor
  unharness doctor --full
  unharness doctor --results ./results --format json
"""
STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@click.command("doctor", epilog=EPILOG)
@results_option
@click.option("--full", is_flag=True, help="Import all that a run imports; takes longer.")
@format_option("table", "json")
@debug_option
def doctor_command(results: Path, full: bool, form: str) -> None:
    """Check Python, libraries, devices, plugins, cache, disk and hub; say how to mend what fails.

    Exit code 1: something is an error. Warnings are of what works, but not as well as it could.
    """
    from unharness.maintenance.doctor import Surroundings, examine
    from unharness.maintenance.imports import ALL_LIBRARIES, LIBRARIES

    found = examine(Surroundings(results, ALL_LIBRARIES if full else LIBRARIES))
    if form == "json":
        echo_json(
            {
                "status": _worst([one.status for one in found]),
                "checks": [
                    {
                        "name": one.name,
                        "status": one.status,
                        "findings": [asdict(finding) for finding in one.findings],
                    }
                    for one in found
                ],
            }
        )
    else:
        from rich.table import Table

        from unharness.terminal import Text

        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for one in found:
            for finding in one.findings:
                said = Text("OK" if finding.status == "ok" else finding.status)
                said.stylize(STYLES[finding.status])
                table.add_row(said, Text(one.name), Text(finding.text))
                if finding.fix:
                    table.add_row("", "", Text(f"fix: {finding.fix}", "bold"))
        stdout_console().print(table)
    if any(one.status == "error" for one in found):
        sys.exit(1)


def _worst(statuses: list[str]) -> str:
    return next((one for one in ("error", "warning") if one in statuses), "ok")
