"""The board on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from rich import box
from rich.table import Table

from unharness.report.attacked_table import print_attacked
from unharness.report.axes import first_headings
from unharness.report.labels import (
    COST_WORDS,
    RowLabel,
    group_notes,
    group_titles,
    headers,
    rank_text,
    row_labels,
)
from unharness.report.ranking import Value
from unharness.report.row_warnings import row_warnings
from unharness.report.rows import Board, Group, Row
from unharness.report.values import format_number, signed
from unharness.terminal import Console, Text, print_table, table_width

COST = "Cost"
"""The heading above the cost columns."""
METRICS_BEFORE_COSTS = 4
"""The first metrics are more important than the cost columns, the others less."""
LABEL_WIDTH = 34
"""In characters: longer labels are folded."""


def print_board(board: Board, console: Console) -> None:
    """Print a table for each group, what must be known of it below, and what is not ranked.

    A console that is too narrow gets fewer columns, never shorter numbers.
    """
    for title, group in zip(group_titles(board), board.groups, strict=True):
        _print_group(title, group, console)
    for note in board.notes:
        console.print(Text(note, "dim"))


def _print_group(title: str, group: Group, console: Console) -> None:
    console.print(Text(title, "bold"))
    chosen = _fitting(group, console)
    print_table(_table(group, chosen), console)
    print_attacked(group, console)
    for note in group_notes(group):
        console.print(Text(note, "dim"))
    absent = [name for name in _all_names(group) if name not in chosen]
    if absent:
        left_out = f"Terminal too narrow for {', '.join(absent)}; --format json|csv has all."
        console.print(Text(left_out, "yellow"))
    if details := [column.name for column in group.columns if column.detail]:
        also = f"Also measured: {', '.join(details)}; --metric NAME shows them."
        console.print(Text(also, "dim"))
    for line in row_warnings(group):
        console.print(Text(f"! {line}", "yellow"))
    console.print()


def _all_names(group: Group) -> list[str]:
    """Return the names of metrics and costs, what matters most first.

    The headline leads; then the first column of every axis, so that no side is left out, then the
    second of each.
    """
    leads = group.headline or group.ranking.headline
    beside = group.ranking.headline
    seen: Counter[str | None] = Counter()
    places: dict[str, tuple[bool, bool, int]] = {}
    for column in group.shown:
        first = column.name in (leads, beside)
        places[column.name] = (column.name != leads, column.name != beside, seen[column.axis])
        seen[column.axis] += not first
    names = sorted(places, key=places.__getitem__)
    return [*names[:METRICS_BEFORE_COSTS], *group.costs, *names[METRICS_BEFORE_COSTS:]]


def _fitting(group: Group, console: Console) -> set[str]:
    """Return the names of the columns that the console has room for, the first in any case."""
    chosen: set[str] = set()
    for name in _all_names(group):
        if chosen and table_width(_table(group, chosen | {name}), console) > console.width:
            break
        chosen.add(name)
    return chosen


def _table(group: Group, chosen: AbstractSet[str]) -> Table:
    table = Table(box=box.HORIZONTALS, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Method", max_width=LABEL_WIDTH, overflow="fold")
    columns = [column for column in group.columns if column.name in chosen]
    ranks = len(group.ranks) > 1
    if ranks:
        table.add_column("Rank", justify="right", no_wrap=True)
    costs = [name for name in group.costs if name in chosen]
    tops = [*first_headings(columns), *[COST * (at == 0) for at in range(len(costs))]]
    names = [list(words) for words in headers(columns)]
    names += [list(COST_WORDS[name]) for name in costs]
    lines = max(map(len, names), default=0)
    for at, (top, words) in enumerate(zip(tops, names, strict=True)):
        head = Text()
        if any(tops[: len(columns)]):  # one line of headings, above the tallest name
            head.append(top + "\n" * (1 + lines - len(words)), "not bold italic")
        head.append("\n".join(words))
        style = "dim" if at >= len(columns) else ""
        table.add_column(head, justify="right", no_wrap=True, style=style)
    references = sum(row.reference is not None for row in group.rows)
    for index, (label, row) in enumerate(zip(row_labels(group), group.rows, strict=True)):
        cells = [_label(label, row)]
        if ranks:
            cells.append(Text(rank_text(group, index), "dim"))
        for column in columns:
            won = index in group.best[column.name]
            cell = _cell(row.metrics[column.name], column.unit, won)
            if (change := group.change(row, column)) is not None:
                cell.append(f"\n{signed(change, column.unit)}", "not bold dim default")
                if ends := group.change_interval(row, column):
                    low, high = (signed(end, column.unit) for end in ends)
                    cell.append(f"\n{low} … {high}", "not bold dim default")
            cells.append(cell)
        cells += [Text(format_number(row.cost[name])) for name in costs]
        is_last = index in (references - 1, len(group.rows) - 1)
        table.add_row(*cells, end_section=is_last)
    for line in group.published:
        found = line.texts(columns, group.columns)
        name = Text(line.row.label, "italic dim")
        name.append(f"\n  {line.mark}", "dim")
        table.add_row(name, *[""] * ranks, *(Text(one, "dim") for one in found))
    return table


def _label(label: RowLabel, row: Row) -> Text:
    text = Text(label.name, "italic" if row.reference else "")
    if row.warnings:
        text.append(" !", "bold yellow")
    for line in label.details:
        text.append(f"\n  {line}", "dim")
    return text


def _cell(value: Value, unit: str, best: bool) -> Text:
    """Return a number, and its interval on a second line."""
    text = Text(format_number(value.value, unit), "bold green" if best else "")
    if value.ci95 is not None:
        low, high = (format_number(end, unit) for end in value.ci95)
        text.append(f"\n{low}–{high}", "not bold dim default")
    return text
