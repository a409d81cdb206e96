"""Our rows next to published ones, where task, model and data are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from unharness.report.labels import headers, row_labels
from unharness.report.published import PublishedCell, PublishedResults, PublishedTable
from unharness.report.ranking import Column
from unharness.report.rows import Board, Group, Row
from unharness.report.values import format_number, signed
from unharness.terminal import Console, Text


@dataclass(frozen=True)
class Comparison:
    """A group's rows and those of a published table."""

    group: Group
    table: PublishedTable
    columns: tuple[Column, ...]
    """The metrics that both have."""

    def lines(self) -> list[list[str]]:
        """Return rows of text: the method, then for each column ours, theirs, the difference."""
        found = []
        seen = set()
        for label, row in zip(row_labels(self.group), self.group.rows, strict=True):
            theirs = self.table.row(row.method)
            seen.add(row.method)
            name = f"{label.name} ({', '.join(label.details)})" if label.details else label.name
            cells = theirs.cells if theirs else {}
            found.append([name, *(_cell(row, cells.get(c.name), c) for c in self.columns)])
        for theirs in self.table.rows:
            if theirs.method not in seen:
                cells = theirs.cells
                missing = [_cell(None, cells.get(c.name), c) for c in self.columns]
                found.append([theirs.method, *missing])
        return found


def compare_with(published: PublishedResults, group: Group) -> Comparison | None:
    """Return a group next to a publication, None if that has nothing on its task and model."""
    spec = group.spec
    table = published.main_table(spec.task, spec.model, spec.data_source)
    if table is None:
        return None
    names = table.columns()
    ours = [column.name for column in group.columns]
    shared = (c for c in group.columns if c.name in names and table.comparable(c.name, ours))
    return Comparison(group, table, tuple(shared))


def nothing_to_compare(board: Board, published: PublishedResults) -> str:
    """Return why no group has a published counterpart; empty if one has."""
    if not board.groups or any(compare_with(published, group) for group in board.groups):
        return ""
    return (
        f"{published.name} has no results to compare with these rows: it covers "
        f"{'; '.join(published.subjects())}, on the task's own data"
    )


def comparison_notes(found: Comparison, published: PublishedResults) -> list[str]:
    """Return the source of the published numbers, how to read a cell, and the misprints."""
    source = f"Beside {published.title}, {published.source}, table {found.table.table}: "
    return [source + "ours | the paper's (ours minus the paper's).", *found.table.misprints()]


def print_comparisons(board: Board, published: PublishedResults, console: Console) -> None:
    """Print a table for every group that has a published counterpart."""
    for group in board.groups:
        found = compare_with(published, group)
        if found is None:
            continue
        console.print(Text(group.title, "bold"))
        table = Table(box=box.HORIZONTALS, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("Method", overflow="fold")
        for words in headers(found.columns):
            table.add_column(Text("\n".join(words)), justify="right")
        for cells in found.lines():
            table.add_row(*map(Text, cells))
        console.print(table)
        for note in comparison_notes(found, published):
            console.print(Text(note, "dim"))
    if reason := nothing_to_compare(board, published):
        console.print(Text(reason, "yellow"))


def published_values(group: Group, row: Row, published: PublishedResults) -> dict[str, Any] | None:
    """Return the published counterpart of a row as JSON values, None if it has none."""
    found = compare_with(published, group)
    theirs = found.table.row(row.method) if found else None
    if found is None or theirs is None:
        return None
    shared = {column.name for column in found.columns}
    return {
        "name": published.name,
        "source": published.source,
        "table": found.table.table,
        "label": theirs.label,
        "metrics": {
            name: {
                **cell.model_dump(exclude_none=True),
                "value": cell.value,
                "difference": difference(row, name, cell) if name in shared else None,
            }
            for name, cell in theirs.cells.items()
        },
    }


def difference(row: Row | None, name: str, cell: PublishedCell | None) -> float | None:
    """Return ours minus theirs, None unless both are numbers."""
    ours = row.metrics.get(name) if row else None
    if ours is None or ours.value is None or cell is None or cell.value is None:
        return None
    return ours.value - cell.value


def _cell(row: Row | None, cell: PublishedCell | None, column: Column) -> str:
    ours = row.metrics[column.name].value if row else None
    text = f"{format_number(ours, column.unit)} | {(cell.text() if cell else '') or '–'}"
    change = difference(row, column.name, cell)
    if change is None:
        return text
    return f"{text} ({signed(change, column.unit)})"
