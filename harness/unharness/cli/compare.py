"""`unharness compare`: is the difference between two methods real?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from unharness import defaults
from unharness.cli.completion import complete
from unharness.cli.console import echo_json
from unharness.cli.options import debug_option, filter_option, format_option, results_option
from unharness.cli.skipped import warn_of
from unharness.errors import UsageError, suggestion
from unharness.terminal import Console, Text

if TYPE_CHECKING:
    from unharness.report.paired import Comparison, Difference
    from unharness.report.rows import Board, Group, Row

EPILOG = f"""\b
Examples:
  unharness compare {defaults.METHOD} {defaults.SECOND_METHOD}
  unharness compare {defaults.METHOD} {defaults.THIRD_METHOD} --task {defaults.TASK} --examples 20
  unharness compare 3f2a 8f63                 # by run id: the rows that these runs belong to
  unharness compare {defaults.METHOD} {defaults.SECOND_METHOD} --format json
"""


@click.command("compare", epilog=EPILOG)
@click.argument("a", shell_complete=complete("methods"))
@click.argument("b", shell_complete=complete("methods"))
@results_option
@format_option("table", "json")
@filter_option("tasks", "task", "t")
@filter_option("models", "model")
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Number of best and worst examples to show.",
)
@debug_option
def compare_command(
    a: str,
    b: str,
    results: Path,
    form: str,
    tasks: tuple[str, ...],
    models: tuple[str, ...],
    examples: int,
) -> None:
    """Compare A with B on the same examples and seeds.

    A and B are methods, or beginnings of run ids. Every difference has a 95% interval over the
    same questions and over pairs of runs, as on the leaderboard. A metric that should match the
    retrained model is compared by its distance to the retrained row.
    """
    from unharness.records.store import RecordStore
    from unharness.report.build import build_board
    from unharness.report.paired import compare

    store = RecordStore(results)
    board = build_board(store).narrowed(tasks, models)
    warn_of(board)
    group, rows = _choose(board, a, b)
    stored = store.by_evaluation()[rows[0].spec.evaluation_id()]
    records = {run: stored[run].record for row in group.rows for run in row.runs}
    folders = {run: stored[run].folder for row in group.rows for run in row.runs}
    found = compare(group, *rows, folders, records)
    if form == "json":
        echo_json(_values(found))
    else:
        _print(found, examples, Console())


def _choose(board: Board, a: str, b: str) -> tuple[Group, tuple[Row, Row]]:
    """Return the rows that match, and the group that both are in.

    Raises:
        UsageError: no row matches, several do, or they are not comparable.
    """
    found = {text: _rows(board, text) for text in (a, b)}
    for text, rows in found.items():
        if not rows:
            names = sorted({row.method for group in board.groups for row in group.rows})
            raise UsageError(f"no method and no run id matches {text!r}.{suggestion(text, names)}")
    shared = [
        (group, one, other)
        for group, one in found[a]
        for same, other in found[b]
        if same is group and one is not other
    ]
    if not shared:
        raise UsageError(_why_not(found[a], found[b], a, b))
    if len(shared) > 1:
        choices = "; ".join(
            dict.fromkeys(
                f"{row.runs[0][:8]} is {_called(group, row)}"
                for group, *both in shared
                for row in both
            )
        )
        raise UsageError(f"several rows match; give run ids, --task or --model. {choices}")
    group, one, other = shared[0]
    return group, (one, other)


def _rows(board: Board, text: str) -> list[tuple[Group, Row]]:
    rows = [(group, row) for group in board.groups for row in group.rows if row.runs]
    named = [(group, row) for group, row in rows if row.method == text]
    return named or [
        (group, row) for group, row in rows if any(run.startswith(text) for run in row.runs)
    ]


def _why_not(
    first: list[tuple[Group, Row]], second: list[tuple[Group, Row]], a: str, b: str
) -> str:
    from unharness.report.labels import differing

    group, other = first[0][0], second[0][0]
    if group is other:
        return f"{a!r} and {b!r} are the same row"
    apart = ", ".join(differing([group.facts, other.facts]))
    return f"{a!r} and {b!r} cannot be compared: they differ in {apart}"


def _called(group: Group, row: Row) -> str:
    from unharness.report.labels import row_labels

    label = row_labels(group)[group.rows.index(row)]
    details = f" ({', '.join(label.details)})" if label.details else ""
    return f"{label.name}{details} on {group.spec.task} · {group.spec.model}"


def verdict(found: Difference, names: tuple[str, str]) -> str:
    """Return a difference in words."""
    from unharness.report.labels import metric_words

    metric = " ".join(metric_words([found.column.name])[found.column.name])
    if found.ci95 is None:
        return f"{metric}: without an interval nothing says whether {' and '.join(names)} differ."
    if not found.better:
        return f"{metric}: {names[0]} and {names[1]} are not significantly different."
    better = names if found.better > 0 else names[::-1]
    if found.distance:
        return f"{metric}: {better[0]} is closer to the retrained model than {better[1]}."
    return f"{metric}: {better[0]} is better than {better[1]}."


def _unit(found: Difference) -> str:
    unit = "nats" if found.log else ("points" if found.column.unit == "%" else found.column.unit)
    return f"{unit} from retrained" if found.distance else unit


def _print(found: Comparison, examples: int, console: Console) -> None:
    from unharness.reference_rows import method_of
    from unharness.registry import registry
    from unharness.report.labels import score_label, score_unit
    from unharness.report.values import format_number, signed

    a, b = (row.method for row in found.rows)
    names = (a, b) if a != b else ("A", "B")
    for mark, row in zip("AB", found.rows, strict=True):
        console.print(Text(f"{mark}  {_called(found.group, row)}", "bold"), soft_wrap=True)
    console.print(f"{_paired_words(found)}\n")
    table = Table(box=None, pad_edge=False)
    for name in ("metric", "A − B", "95% interval", "unit", "verdict"):
        table.add_column(name, justify="left" if name in ("metric", "verdict", "unit") else "right")
    for one in found.differences:
        if one.column.detail:
            continue
        unit = "%" if one.column.unit == "%" else ""
        ends = "–" if one.ci95 is None else " to ".join(signed(end, unit) for end in one.ci95)
        unclear = "no interval" if one.ci95 is None else "not significant"
        words = {1: "A better", -1: "B better", 0: unclear}[one.better]
        style = {1: "green", -1: "red", 0: "dim"}[one.better]
        table.add_row(
            one.column.name, signed(one.value, unit), ends, _unit(one), Text(words, style)
        )
    console.print(table)
    loose = [one.column.name for one in found.differences if not one.paired]
    if loose:
        hint = "not paired by question, as the scores of the examples are not known or no mean: "
        console.print(Text(hint + ", ".join(loose), "dim"))
    retrain = method_of("retrained", registry()) if found.unmatched else ""
    for name in found.unmatched:
        hint = f"{name}: should match the retrained model; make its row: unharness run -m {retrain}"
        console.print(Text(hint, "dim"))
    for one in found.differences:
        if one.column.name == (found.group.headline or found.group.ranking.headline):
            console.print(Text(f"\n{verdict(one, names)}", "bold"))
    headline = found.group.column(found.group.ranking.headline)
    if headline is None:
        return
    worst, best = found.changes[:examples], found.changes[::-1][:examples]
    for title, changes in ((f"worst for A ({a})", worst), (f"best for A ({a})", best)):
        kept = [one for one in changes if (one.gain < 0) == title.startswith("worst")]
        if kept:
            console.print(Text(f"\n{title}, by {score_label(headline)}:", "bold"))
        for change in kept:
            scores = " → ".join(
                format_number(score, score_unit(headline)) for score in change.scores[::-1]
            )
            console.print(
                f"{change.id}  B → A {scores}", markup=False, highlight=False, soft_wrap=True
            )
            console.print(
                f"  {'question':<11} {_short(change.prompt)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            console.print(
                f"  {'expected':<11} {_short(change.answer)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            for mark, text in zip("AB", change.texts, strict=True):
                console.print(
                    f"  {mark} generated {_short(text)}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )


def _paired_words(found: Comparison) -> str:
    if not found.pairs:
        first, second = (set(row.target_seeds) for row in found.rows)
        if first.isdisjoint(second):
            return (
                "no target model in common: the runs are compared as independent, and the "
                "intervals do not cover differences between targets"
            )
        return "fewer than two seeds in common: the runs are compared as independent"
    count = len(found.pairs)
    return f"{count} pairs of runs" if count > 1 else "one pair of runs"


def _short(text: str | None, most: int = 100) -> str:
    words = " ".join((text or "–").split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _values(found: Comparison) -> dict[str, Any]:
    rows = [
        {"method": row.method, "hyperparameters": row.spec.config, "chosen": row.chosen}
        | {"seeds": list(row.seeds), "runs": list(row.runs)}
        for row in found.rows
    ]
    names = (found.rows[0].method, found.rows[1].method)
    return {
        "a": rows[0],
        "b": rows[1],
        "pairs": [[list(one), list(other)] for one, other in found.pairs],
        "differences": [
            {"metric": one.column.name, "value": one.value, "ci95": one.ci95 and list(one.ci95)}
            | {"unit": _unit(one), "better": {1: "a", -1: "b", 0: None}[one.better]}
            | {"examples": one.examples, "paired": one.paired, "verdict": verdict(one, names)}
            for one in found.differences
        ],
        "without_retrained": list(found.unmatched),
        "changes": [
            {"split": one.split, "id": one.id, "prompt": one.prompt, "answer": one.answer}
            | {
                "a": one.scores[0],
                "b": one.scores[1],
                "a_says": one.texts[0],
                "b_says": one.texts[1],
            }
            for one in found.changes
        ],
    }
