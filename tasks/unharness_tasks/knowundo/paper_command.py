"""`unharness paper`: the tables of the KnowUnDo paper, with our numbers beside the printed ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness import debug_option, format_option, results_option

if TYPE_CHECKING:
    from unharness_tasks.knowundo.paper_comparison import FilledTable

RESULTS_NAME = "knowundo-paper"
TABLES = ("2", "3", "4", "6", "figure5")
EPILOG = """\b
Examples:
  unharness paper
  unharness paper --table 2 --format markdown
  unharness paper --table figure5 --on tiny
"""


@click.command("paper", epilog=EPILOG)
@results_option
@format_option("table", "markdown", "json")
@click.option(
    "--table", "tables", multiple=True, type=click.Choice(TABLES), help="Only this; repeatable."
)
@click.option(
    "--on",
    metavar="MODEL",
    help="Fill in the runs of this model in place of the paper's, for example `tiny`.",
)
@debug_option
def paper_command(results: Path, form: str, tables: tuple[str, ...], on: str | None) -> None:
    """Print the KnowUnDo paper's tables 2, 3, 4, 6 and figure 5.

    Below each printed number stands ours if there are runs on the same task, model and data, else
    a dot. Numbers that the paper's own columns contradict are marked.
    """
    from unharness import echo, echo_json, load_board, load_published, warn
    from unharness_tasks.knowundo.paper_comparison import fill, values

    paper = load_published(RESULTS_NAME, results)
    board = load_board(results)
    for text in board.warnings:
        warn(text)
    wanted = [table.replace("figure", "figure ") for table in tables]
    filled = fill(paper, board, wanted, on)
    if form == "json":
        echo_json(values(filled))
    elif form == "markdown":
        echo("\n\n".join(_markdown(table) for table in filled))
    else:
        for table in filled:
            _print(table)


def _print(table: FilledTable) -> None:
    from rich import box
    from rich.table import Table

    from unharness import Text, print_table, stdout_console
    from unharness_tasks.knowundo.paper_comparison import HEADERS

    console = stdout_console()
    console.print(Text(table.title, "bold"))
    shown = Table(box=box.HORIZONTALS, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("Method", no_wrap=True)
    for name in table.columns():
        header = Text("\n".join(HEADERS.get(name, name).split()))
        shown.add_column(header, justify="right", no_wrap=True)
    for (label, _), *cells in table.lines():
        shown.add_row(Text(label), *(Text(paper) for paper, _ in cells))
        shown.add_row(Text("  ours", "dim"), *(Text(ours, "bold green") for _, ours in cells))
    print_table(shown, console)
    for note in table.notes:
        console.print(Text(note, "dim"))
    console.print()


def _markdown(table: FilledTable) -> str:
    from unharness import markdown_table
    from unharness_tasks.knowundo.paper_comparison import HEADERS

    heads = ["Method", *(HEADERS.get(name, name) for name in table.columns())]
    rows = [
        [label, *(f"{paper} / {ours}" for paper, ours in cells)]
        for (label, _), *cells in table.lines()
    ]
    parts = [f"## {table.title}", markdown_table([heads, *rows], 1), "The paper's / ours."]
    return "\n\n".join([*parts, *table.notes])
