"""`unharness leaderboard`: all records of a folder, compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness import defaults
from unharness.axes import AXES
from unharness.cli.collector import collector_paused
from unharness.cli.completion import FOLDER, complete
from unharness.cli.console import echo, stdout_console, tell
from unharness.cli.options import debug_option, filter_option, format_option, results_option
from unharness.cli.skipped import warn, warn_of
from unharness.errors import UsageError

if TYPE_CHECKING:
    from unharness.report.published import PublishedResults
    from unharness.report.rows import Board

EPILOG = f"""\b
Examples:
  unharness leaderboard
  unharness leaderboard --task {defaults.TASK} --model tiny
  unharness leaderboard --metric {defaults.COLUMNS[0]} --metric {defaults.COLUMNS[1]}
  unharness leaderboard --columns closeness,forget,cost
  unharness leaderboard --published all
  unharness leaderboard --rank-by {defaults.COLUMNS[0]}
  unharness leaderboard --format csv > leaderboard.csv
  unharness leaderboard --format html > leaderboard.html
  unharness leaderboard --reference published.json
  unharness leaderboard --merge lab-a=../lab-a/results --merge ../other/results
"""


@click.command("leaderboard", epilog=EPILOG)
@results_option
@format_option("table", "markdown", "latex", "csv", "json", "html")
@filter_option("tasks", "task")
@filter_option("models", "model")
@filter_option("columns", "metric")
@click.option(
    "--reference",
    metavar="NAME|FILE",
    help="Show published results of the same task and model beside ours: a name from a plugin or "
    "from reference/ in the results folder, or a JSON file.",
)
@click.option(
    "--columns",
    "columns",
    metavar="A,B,…",
    multiple=True,
    shell_complete=complete("columns", *AXES, lists=True),
    help="These columns in this order: labels, patterns such as 'forget_*', axes "
    f"({', '.join(AXES)}), or a preset of a task, such as a paper's.",
)
@click.option(
    "--published",
    "publications",
    metavar="NAME|FILE|all",
    multiple=True,
    help="Show published numbers on the same task and model as rows of their own, never ranked: "
    "named as for --reference; repeatable.",
)
@click.option(
    "--rank-by",
    metavar="COLUMN",
    default="closeness",
    show_default=True,
    help="Rank by this column: closeness to the retrained model, or any metric.",
)
@click.option(
    "--merge",
    "merged",
    metavar="[NAME=]DIR",
    multiple=True,
    shell_complete=complete(paths=FOLDER),
    help="Compare with the records of another results folder, too. Each is verified by its hashes "
    "and marked by NAME, by default the folder's own; repeatable.",
)
@debug_option
@collector_paused()
def leaderboard_command(
    results: Path,
    form: str,
    tasks: tuple[str, ...],
    models: tuple[str, ...],
    metrics: tuple[str, ...],
    reference: str | None,
    columns: tuple[str, ...],
    publications: tuple[str, ...],
    rank_by: str,
    merged: tuple[str, ...],
) -> None:
    """Compare all records of a results folder.

    There is one table for each task, data, model and target, and one row for each method and its
    settings; runs that differ only in their seeds are one row. Rows are ranked by closeness to the
    retrained model, where there are two retrained runs at least. Every number has a 95% interval
    over questions and, of several runs, seeds and target seeds. Reference rows come first and are
    not ranked.
    """
    from unharness.records.merged import MergedStore, named_folders
    from unharness.report.build import build_board
    from unharness.report.closeness_columns import NAMES

    words = [word.strip() for text in columns for word in text.split(",") if word.strip()]
    if words and metrics:
        raise UsageError("--columns and --metric both choose columns; give one of them")
    published = None
    if reference is not None:
        from unharness.report.published import load_published

        published = load_published(reference, results)
    lines = _publications(publications, results)
    store = MergedStore(results, named_folders(merged))
    board = build_board(store, rank_by)
    _check_metrics([*metrics, rank_by], {*board.metric_names(), *NAMES})
    warn_of(board)
    chosen = board.narrowed(tasks, models, metrics)
    if words:
        from unharness.report.column_choice import choose_columns

        chosen = choose_columns(chosen, words)
    if lines:
        from unharness.report.published_rows import nothing_published, with_published

        chosen = with_published(chosen, lines)
        if reason := nothing_published(chosen, lines):
            tell(reason)
    if not chosen.groups:
        tell(_nothing(results, filtered=bool(board.groups), notes=chosen.notes))
    if form == "table":
        if chosen.groups:
            _print_table(chosen, published)
        return
    if form == "html":
        from unharness.report.html.page import to_html

        echo(to_html(chosen, store, warn), nl=False)
        return
    if form == "latex":
        from unharness.report.latex import to_latex

        echo(to_latex(chosen), nl=False)
        return
    from unharness.report import formats

    render = {"json": formats.to_json, "csv": formats.to_csv, "markdown": formats.to_markdown}
    echo(render[form](chosen, published), nl=False)


def _publications(names: Iterable[str], results: Path) -> list[PublishedResults]:
    """Return the publications of these names, each once; of `all` every one that there is."""
    if not names:
        return []
    from unharness.report.published import load_published, published_names

    given = [
        one for name in names for one in (published_names(results) if name == "all" else [name])
    ]
    return [load_published(name, results) for name in dict.fromkeys(given)]


def _check_metrics(names: Iterable[str], known: set[str]) -> None:
    """Refuse a column that no record has and no task measures.

    Raises:
        UnknownNameError: names the nearest ones.
    """
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    from unharness.errors import UnknownNameError
    from unharness.report.column_choice import measured_labels

    measured = measured_labels()
    for name in unknown:
        if name not in measured:
            raise UnknownNameError("metric", name, known | measured)


def _nothing(results: Path, *, filtered: bool, notes: tuple[str, ...]) -> str:
    if filtered:
        return f"no ranked record under {results}/ has that task and model"
    if notes:
        return f"no records to compare under {results}/; {'; '.join(notes)}"
    return f"no records under {results}/; create one: unharness run"


def _print_table(board: Board, published: PublishedResults | None) -> None:
    from unharness.report.published_comparison import print_comparisons
    from unharness.report.table import print_board

    print_board(board, stdout_console())
    if published:
        print_comparisons(board, published, stdout_console())
