"""Published numbers as rows of a table: marked, with their source, and never ranked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unharness.report.published import MISPRINT, PublishedResults, PublishedRow, PublishedTable
from unharness.report.values import format_number

if TYPE_CHECKING:
    from unharness.report.ranking import Column
    from unharness.report.rows import Board, Group


@dataclass(frozen=True)
class PublishedLine:
    """One row of a publication, beside ours."""

    results: PublishedResults
    table: PublishedTable
    row: PublishedRow

    @property
    def mark(self) -> str:
        """What tells it from our rows."""
        return f"published: {self.results.name}"

    def text(self, column: Column, ours: Iterable[str]) -> str:
        """Return its number in a column's unit, a dash where it has none.

        Args:
            column: of our table.
            ours: the names of all of our columns.
        """
        cell = self.row.cells.get(column.name)
        if cell is None or not self.table.comparable(column.name, ours):
            return format_number(None)
        if cell.value is None:
            return cell.text()
        mark = MISPRINT if cell.computed is not None else ""
        return format_number(cell.value, column.unit) + mark

    def texts(self, columns: Sequence[Column], all_columns: Sequence[Column]) -> list[str]:
        """Return its numbers in some of the columns of a table."""
        names = [column.name for column in all_columns]
        return [self.text(column, names) for column in columns]

    def values(self, task: str, model: str) -> dict[str, Any]:
        """Return it as JSON values.

        Args:
            task: of our table.
            model: of our table.
        """
        return {
            "published": self.results.name,
            "title": self.results.title,
            "source": self.results.source,
            "url": self.results.url,
            "licence": self.results.licence,
            "table": self.table.table,
            "task": task,
            "model": model,
            "method": self.row.method,
            "label": self.row.label,
            "metrics": {
                name: cell.model_dump(exclude_none=True) | {"value": cell.value}
                for name, cell in self.row.cells.items()
            },
        }


def with_published(board: Board, publications: Sequence[PublishedResults]) -> Board:
    """Return the board with the rows of publications on the same task, model and data."""
    return replace(
        board,
        groups=tuple(
            replace(group, published=_lines(group, publications)) for group in board.groups
        ),
    )


def _lines(group: Group, publications: Sequence[PublishedResults]) -> tuple[PublishedLine, ...]:
    spec = group.spec
    return tuple(
        PublishedLine(results, table, row)
        for results in publications
        if (table := results.main_table(spec.task, spec.model, spec.data_source)) is not None
        for row in table.rows
    )


def published_notes(group: Group) -> list[str]:
    """Return where a table's published rows come from, and what their numbers may be used for."""
    found: dict[str, list[str]] = {}
    for line in group.published:
        one = line.results
        parts = [f"Published, not ranked: {one.title}, {one.source}, table {line.table.table}."]
        parts += [text.rstrip(".") + "." for text in (one.licence, one.note) if text]
        found.setdefault(one.name, [" ".join(parts), *line.table.misprints()])
    return [text for notes in found.values() for text in notes]


def nothing_published(board: Board, publications: Sequence[PublishedResults]) -> str:
    """Return why no table has a published row; empty if one has, or none was asked for."""
    if not publications or not board.groups or any(group.published for group in board.groups):
        return ""
    covered = dict.fromkeys(text for one in publications for text in one.subjects())
    return (
        "nothing published to show beside these rows: there are numbers of "
        f"{'; '.join(covered)}, on the task's own data"
    )
