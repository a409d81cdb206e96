"""The tables of the KnowUnDo paper in its own layout, with our numbers where there are runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unharness import format_number

if TYPE_CHECKING:
    from unharness import Board, PublishedCell, PublishedResults, PublishedTable, Row

BLANK = "·"
WITH_PROMPT = " with prompt"
HEADERS = {
    "unlearn_success": "Unlearn Success ↑",
    "unlearn_ppl": "Unlearn PPL ↑",
    "unlearn_rouge_l_forced": "Unlearn ROUGE-L ↓",
    "retention_success": "Retain Success ↑",
    "retention_ppl": "Retain PPL ↓",
    "retention_rouge_l_forced": "Retain ROUGE-L ↑",
    "success_avg": "Success Avg ↑",
    "general/mmlu": "MMLU",
    "general/arc_challenge": "ARC",
    "general/truthfulqa": "Truthful QA",
    "general/social_iqa": "SIQA",
    "general/race": "RACE",
    "general_avg": "General Avg ↑",
    "seconds_per_step": "Seconds a step ↓",
    "peak_memory_gb": "GPU GB ↓",
    "unlearn_success with prompt": "… with prompt",
    "retention_success with prompt": "… with prompt",
}


@dataclass(frozen=True)
class FilledRow:
    """A printed row, and ours."""

    label: str
    method: str
    paper: Mapping[str, PublishedCell]
    ours: Mapping[str, float | None]
    runs: tuple[str, ...]


@dataclass(frozen=True)
class FilledTable:
    """A printed table with our numbers."""

    source: PublishedTable
    title: str
    rows: tuple[FilledRow, ...]
    notes: tuple[str, ...]

    def columns(self) -> list[str]:
        """Return the names of the cells, in the order of the paper."""
        return self.source.columns()

    def lines(self) -> list[list[tuple[str, str]]]:
        """Return, for each row, its label and then a pair (printed, ours) for each column."""
        return [
            [(row.label, ""), *(_texts(row, name) for name in self.columns())] for row in self.rows
        ]


def fill(
    paper: PublishedResults, board: Board, tables: Sequence[str] = (), on: str | None = None
) -> list[FilledTable]:
    """Return the paper's tables, with our numbers where there are runs.

    Args:
        paper: what the paper printed.
        board: our records, compared.
        tables: which tables, by the paper's numbers; empty for all.
        on: a model of ours in place of the paper's; None: the paper's own models.
    """
    chosen = [table for table in paper.tables if not tables or table.table in tables]
    return [_filled(paper, table, board, on) for table in chosen]


def values(tables: Iterable[FilledTable]) -> list[dict[str, Any]]:
    """Return every cell of every table as JSON values."""
    return [
        {
            "table": table.source.table,
            "task": table.source.task,
            "model": table.source.model,
            "row": row.label,
            "method": row.method,
            "column": name,
            "paper": cell.model_dump(exclude_none=True) | {"value": cell.value},
            "ours": row.ours.get(name),
            "runs": list(row.runs),
        }
        for table in tables
        for row in table.rows
        for name, cell in row.paper.items()
    ]


def _filled(
    paper: PublishedResults, table: PublishedTable, board: Board, on: str | None
) -> FilledTable:
    wanted = on or table.model
    found = {row.method: _row_of(board, table.task, wanted, row.method) for row in table.rows}
    rows = tuple(
        FilledRow(
            label=row.label,
            method=row.method,
            paper=row.cells,
            ours={name: _value(found[row.method], name, table) for name in row.cells},
            runs=_runs(found[row.method]),
        )
        for row in table.rows
    )
    place = f"Table {table.table}" if table.table.isdigit() else table.table.capitalize()
    notes = table.misprints()
    if on and any(row.runs for row in rows):
        notes.append(f"Ours are of {on}, another model than the paper's.")
    if any(row.runs for row in rows):
        notes.append(
            "Of a method's settings, ours are those of the paper's preset, else the best-ranked."
        )
    if table.hardware:
        notes.append(f"The paper's are of one {table.hardware}; ours are of our own machines.")
    return FilledTable(
        table, f"{place} · {paper.title} · {table.task} · {table.model}", rows, tuple(notes)
    )


def _row_of(board: Board, task: str, model: str, method: str) -> Row | None:
    """Return our row: one with the paper's settings if there is one, else the best-ranked."""
    rows = board.find_rows(task, model, method)
    presets = [row for row in rows if (row.spec.preset or "").startswith("paper")]
    return next(iter(presets or rows), None)


def _runs(row: Row | None) -> tuple[str, ...]:
    return row.runs if row else ()


def _value(row: Row | None, name: str, table: PublishedTable) -> float | None:
    if row is None or not table.comparable(name, row.metrics):
        return None
    if name in row.cost:
        return row.cost[name]
    if name.endswith(WITH_PROMPT):
        seen = row.attacks.get(table.prompt)
        value = seen.metrics.get(name.removesuffix(WITH_PROMPT)) if seen else None
    else:
        value = row.metrics.get(name)
    return value.value if value else None


def _texts(row: FilledRow, name: str) -> tuple[str, str]:
    cell, ours = row.paper.get(name), row.ours.get(name)
    no_percentage = name.endswith(("ppl", "seconds_per_step", "peak_memory_gb"))
    text = BLANK if ours is None else format_number(ours, "" if no_percentage else "%")
    return cell.text() if cell else "", text
