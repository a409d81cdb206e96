"""What attacks change, as a table: without, with, and the difference."""

from __future__ import annotations

from rich import box
from rich.table import Table

from unharness.report.labels import changed, headers, row_labels
from unharness.report.ranking import Column, Value
from unharness.report.rows import Group
from unharness.report.values import format_number
from unharness.terminal import Console, Text

METRICS = 3
"""Number of columns that are compared, the group's first."""
TITLE = "The same unlearned weights under attack: without → with (change)"


def compared(group: Group) -> tuple[Column, ...]:
    """Return the columns that are compared."""
    return group.shown[:METRICS]


def lines(group: Group) -> list[list[str]]:
    """Return method, attack and a cell a metric, for every row and every attack on it."""
    found = []
    for label, row in zip(row_labels(group), group.rows, strict=True):
        name = f"{label.name} ({', '.join(label.details)})" if label.details else label.name
        for attack, seen in row.attacks.items():
            cells = [
                _cell(
                    row.metrics[column.name],
                    seen.metrics[column.name],
                    seen.changes[column.name],
                    column.unit,
                )
                for column in compared(group)
            ]
            found.append([name, attack, *cells])
    return found


def print_attacked(group: Group, console: Console) -> None:
    """Print the table, if a row of the group was attacked."""
    rows = lines(group)
    if not rows:
        return
    console.print(Text(TITLE, "dim"))
    table = Table(box=box.HORIZONTALS, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Method", overflow="fold")
    table.add_column("Attack", overflow="fold")
    for words in headers(compared(group)):
        table.add_column(Text(" ".join(words)), justify="right")
    for cells in rows:
        table.add_row(*map(Text, cells))
    console.print(table)


def _cell(before: Value, after: Value, change: Value, unit: str) -> str:
    text = f"{format_number(before.value, unit)} → {format_number(after.value, unit)}"
    if change.value is None:
        return text
    text += f" ({changed(change.value, unit)}"
    if change.ci95 is not None:
        low, high = (format_number(end, unit) for end in change.ci95)
        text += f" [{low}, {high}]"
    return text + ")"
