"""`unharness explain`: what a metric or a column means, and what it does not mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unharness import defaults
from unharness.cli.completion import complete
from unharness.cli.console import echo_json, stdout_console
from unharness.cli.options import debug_option, format_option

if TYPE_CHECKING:
    from rich.table import Table

EPILOG = f"""\b
Examples:
  unharness explain {defaults.COLUMNS[0]}
  unharness explain closeness
  unharness explain {defaults.COLUMNS[1]} --task {defaults.TASK} --format json
"""
DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "match_reference": "as close to the retrained model's as can be",
}


def _complete_name(
    ctx: click.Context, parameter: click.Parameter, start: str
) -> list[click.shell_completion.CompletionItem]:
    return complete("metrics")(ctx, parameter, start) + complete("columns")(ctx, parameter, start)


@click.command("explain", epilog=EPILOG)
@click.argument("name", shell_complete=_complete_name)
@click.option(
    "--task", "-t", shell_complete=complete("tasks"), help="Only the column of this task."
)
@format_option("table", "json")
@debug_option
def explain_command(name: str, task: str | None, form: str) -> None:
    """Explain a metric or a column: formula, direction, what a good value is, its traps.

    NAME is a metric's name, a column's label in a task, or a composite.
    """
    from unharness.registry import registry
    from unharness.report.explanation import explain

    found = explain(name, registry(), task)
    if form == "json":
        echo_json(found)
        return
    console = stdout_console()
    for at, facts in enumerate(found):
        if at:
            console.print()
        console.print(_table(facts))


def _table(facts: dict[str, Any]) -> Table:
    from rich.table import Table

    from unharness.terminal import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    metric = facts.get("explained", facts)
    kind = facts.get("composite") or facts["kind"]
    table.add_row(Text(kind.replace("_", " ")), Text(facts["name"], "bold"))
    for word, text in _lines(facts, metric):
        table.add_row(Text(word), Text(text))
    return table


def _lines(facts: dict[str, Any], metric: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is shown, a word and a text a line; what is unknown is left out."""
    lines = [
        ("tasks", ", ".join(facts.get("tasks", ()))),
        ("is", facts.get("value", "")),
        ("of", ", ".join(facts.get("of", ()))),
        ("", metric.get("summary", "")),
        ("formula", metric["formula"]),
        ("unit", metric.get("unit", "")),
        ("direction", DIRECTIONS.get(facts["direction"] or "", "")),
        ("good", metric["good"]),
    ]
    lines += [("trap" if at == 0 else "", text) for at, text in enumerate(metric["traps"])]
    lines += [
        ("observes", "; ".join(metric.get("observes", ()))),
        ("needs", ", ".join(f"the {name} model" for name in metric.get("references", ()))),
        ("paper", metric.get("citation", "")),
    ]
    columns = facts.get("columns", {})
    shown = [f"{label} ({', '.join(tasks)})" for label, tasks in columns.items()]
    lines += [("columns" if at == 0 else "", text) for at, text in enumerate(shown)]
    return [(word, text) for word, text in lines if text]
