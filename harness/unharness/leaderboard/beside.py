"""Our rows beside a paper's, where task, model and data are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from unharness.leaderboard.labels import format_number, headers, row_labels, signed
from unharness.leaderboard.ranking import Column
from unharness.leaderboard.reference import (
    Cell,
    Reference,
    ReferenceTable,
    comparable,
    misprints,
    printed,
)
from unharness.leaderboard.rows import Board, Group, Row
from unharness.terminal import Text


@dataclass(frozen=True)
class Beside:
    """A group's rows and the paper's."""

    group: Group
    table: ReferenceTable
    columns: tuple[Column, ...]
    """Those that both have."""

    def lines(self) -> list[list[str]]:
        """Return method and a cell a metric: ours, the paper's, ours minus the paper's."""
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


def beside(group: Group, reference: Reference) -> Beside | None:
    """Return a group beside the paper, or None where it says nothing of it."""
    spec = group.spec
    table = reference.results(spec.task, spec.model, spec.data_source)
    if table is None:
        return None
    names = {name for row in table.rows for name in row.cells}
    ours = [column.name for column in group.columns]
    shared = (c for c in group.columns if c.name in names and comparable(c.name, ours, names))
    return Beside(group, table, tuple(shared))


def nothing_beside(board: Board, reference: Reference) -> str:
    """Return why no group has a counterpart, or nothing if one has."""
    if not board.groups or any(beside(group, reference) for group in board.groups):
        return ""
    return (
        f"{reference.name} has nothing to set beside these rows: it has "
        f"{'; '.join(reference.subjects())}, on the task's own data"
    )


def notes(found: Beside, reference: Reference) -> list[str]:
    """Return what must be known of the comparison."""
    source = f"Beside {reference.title}, {reference.source}, table {found.table.table}: "
    return [source + "ours | the paper's (ours minus the paper's).", *misprints([found.table])]


def print_beside(board: Board, reference: Reference, console: Console) -> None:
    """Print a table for every group that the paper speaks of."""
    for group in board.groups:
        found = beside(group, reference)
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
        for note in notes(found, reference):
            console.print(Text(note, "dim"))
    if reason := nothing_beside(board, reference):
        console.print(Text(reason, "yellow"))


def reference_values(group: Group, row: Row, reference: Reference) -> dict[str, Any] | None:
    """Return what the paper printed of a row, as JSON values; None where it has none."""
    found = beside(group, reference)
    theirs = found.table.row(row.method) if found else None
    if found is None or theirs is None:
        return None
    shared = {column.name for column in found.columns}
    return {
        "name": reference.name,
        "source": reference.source,
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


def difference(row: Row | None, name: str, cell: Cell | None) -> float | None:
    """Return ours minus the paper's, where both are numbers."""
    ours = row.metrics.get(name) if row else None
    if ours is None or ours.value is None or cell is None or cell.value is None:
        return None
    return ours.value - cell.value


def _cell(row: Row | None, cell: Cell | None, column: Column) -> str:
    ours = row.metrics[column.name].value if row else None
    text = f"{format_number(ours, column.unit)} | {printed(cell) or '–'}"
    change = difference(row, column.name, cell)
    if change is None:
        return text
    return f"{text} ({signed(change, column.unit)})"
