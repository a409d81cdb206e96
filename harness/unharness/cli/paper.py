"""`unharness paper`: the KnowUnDo paper's tables, with our numbers beside the printed ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness.cli.console import echo, echo_json, stdout_console
from unharness.cli.options import debug_option, format_option, results_option
from unharness.cli.skipped import warn_of

if TYPE_CHECKING:
    from unharness.leaderboard.paper import FilledTable

NAME = "knowundo-paper"
UNBOUNDED = 10_000
"""In characters: a width that no table needs."""
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
    help="Fill in the runs of this model in the place of the paper's, `tiny` say.",
)
@debug_option
def paper_command(results: Path, form: str, tables: tuple[str, ...], on: str | None) -> None:
    """Print the KnowUnDo paper's tables 2, 3, 4, 6 and figure 5.

    Under each printed number stands ours, where there are runs on the same task, model and data,
    and a dot where there are none. What the paper prints wrongly is marked.
    """
    from unharness.leaderboard.paper import fill, values
    from unharness.leaderboard.reference import load_reference
    from unharness.leaderboard.rows import build_board
    from unharness.records.store import RecordStore

    reference = load_reference(NAME, results)
    board = build_board(RecordStore(results))
    warn_of(board)
    wanted = [table.replace("figure", "figure ") for table in tables]
    filled = fill(reference, board, wanted, on)
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

    from unharness.leaderboard.paper import HEADERS
    from unharness.terminal import Text

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
    before = console.width
    # Cut numbers are worse than lines that the terminal folds.
    needed = console.measure(shown, options=console.options.update(width=UNBOUNDED)).maximum
    console.width = max(before, needed)
    console.print(shown)
    console.width = before
    for note in table.notes:
        console.print(Text(note, "dim"))
    console.print()


def _markdown(table: FilledTable) -> str:
    from unharness.leaderboard.formats import markdown_table
    from unharness.leaderboard.paper import HEADERS

    heads = ["Method", *(HEADERS.get(name, name) for name in table.columns())]
    rows = [
        [label, *(f"{paper} / {ours}" for paper, ours in cells)]
        for (label, _), *cells in table.lines()
    ]
    parts = [f"## {table.title}", markdown_table([heads, *rows], 1), "The paper's / ours."]
    return "\n\n".join([*parts, *table.notes])
