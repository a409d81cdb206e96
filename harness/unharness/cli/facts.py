"""`unharness facts`: what can be said of a file of facts before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from unharness.cli.completion import FILE, FOLDER, complete
from unharness.cli.console import echo_json, stdout_console
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option, format_option
from unharness.cli.pairs import column_names
from unharness.cli.run_options import facts_options

if TYPE_CHECKING:
    from unharness.pipeline.facts_check import Availability, FactsReport

GROUP_EPILOG = """\b
Examples:
  unharness facts check forget.jsonl --retain keep.jsonl
  unharness facts check forget.csv --columns prompt=question,answer=response --format json
"""
EPILOG = """\b
Examples:
  unharness facts check forget.jsonl
  unharness facts check forget.jsonl --retain keep.jsonl --model ./ours
  unharness facts check forget.csv --columns prompt=question,answer=response --format json

\b
Exit code 1: a run would refuse the facts.
"""
COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


@click.group("facts", cls=NearGroup, epilog=GROUP_EPILOG)
def facts_command() -> None:
    """Check facts of your own, before `unharness run --task FILE`."""


@facts_command.command("check", epilog=EPILOG)
@click.argument("file", shell_complete=complete(paths=FILE))
@facts_options
@click.option(
    "--model",
    shell_complete=complete("models", paths=FOLDER),
    help="Count the tokens of this model: a preset, a folder, or a hub id.",
)
@format_option("text", "json")
@debug_option
def check_command(
    file: str, retain: str | None, columns: tuple[str, ...], model: str | None, form: str
) -> None:
    """Check a file of facts: counts, repeats, leaks, lengths, and what can run on it.

    FILE is JSON, JSON lines, CSV, TSV or Parquet, a YAML list of such files, or a dataset on the
    hub. Nothing is trained. Repeats and leaks are found by their letters: a fact in other words is
    not.
    """
    from unharness.cli.progress import progress_for
    from unharness.cli.run import calm_libraries
    from unharness.data.named_files import names_files
    from unharness.data.sources import DataSource
    from unharness.errors import DataError
    from unharness.registry import registry

    calm_libraries(debug=False)
    if not names_files(file):
        raise DataError(f"{file}: no such file; expected JSON, JSON lines, CSV, TSV or Parquet")
    source = DataSource(file, retain, column_names(columns, "--columns"), keep_repeats=True)
    with progress_for(quiet=True) as progress:
        from unharness.pipeline.facts_check import check_facts

        report = check_facts(source, model, registry(), progress)
    if form == "json":
        echo_json(report.as_json())
    else:
        _print(report)
    if not report.ok:
        sys.exit(1)


def _print(report: FactsReport) -> None:
    from rich.table import Table

    from unharness.terminal import Text

    console = stdout_console()
    console.print(f"{', '.join(report.files)} · data {report.data_hash[:12]}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    headings = ["split", "role", "kind", "examples", "groups", "use", "tokens", "also has"]
    for heading in headings if report.lengths else [one for one in headings if one != "tokens"]:
        table.add_column(heading, justify="right" if heading in ("examples", "groups") else "left")
    lengths = {one.split: one for one in report.lengths}
    for one in report.splits:
        uses = {"learned": one.learned, "read by methods": one.read, "evaluated": one.evaluated}
        cells = [one.name, one.role, one.kind, str(one.examples), str(one.groups)]
        cells.append(", ".join(word for word, used in uses.items() if used))
        if report.lengths:
            own = lengths[one.name]
            cells.append(f"{own.shortest} – {own.longest}, median {own.median:g}")
        cells.append(", ".join(f"{kind} ({count})" for kind, count in one.variants.items()))
        table.add_row(*map(Text, cells))
    console.print(table)
    if report.lengths:
        limits = ", ".join(f"{name} {size}" for name, size in report.limits.items() if size)
        console.print(f"limits in tokens: {limits}")
    else:
        console.print("tokens are not counted; give --model")
    for problem in report.problems:
        console.print(Text(f"{problem.level}: {problem.text}", COLOURS[problem.level]))
        for example in problem.examples:
            console.print(Text(f"    {example}"), soft_wrap=True)
    for title, found in (("methods", report.methods), ("metrics", report.columns)):
        there = [entry for entry in found if entry.available]
        console.print(Text(f"\n{title}: {len(there)} of {len(found)} have what they need", "bold"))
        console.print(Text(", ".join(entry.name for entry in there)))
        for entry in there:
            if entry.reason:
                console.print(Text(f"  {entry.name}: {entry.reason}", "dim"))
        for reason, names in _by_reason(found).items():
            console.print(Text(f"– {', '.join(names)}: {reason}", "dim"))


def _by_reason(found: Sequence[Availability]) -> dict[str, list[str]]:
    """Return the names of what lacks something, by what it lacks."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        if not one.available:
            reasons.setdefault(one.reason, []).append(one.name)
    return reasons
