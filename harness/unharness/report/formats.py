"""The board as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from unharness.report.attacked import Attacked
from unharness.report.attacked_table import TITLE, compared, lines
from unharness.report.axes import first_headings
from unharness.report.labels import (
    COST_WORDS,
    group_notes,
    group_titles,
    headers,
    rank_text,
    row_labels,
)
from unharness.report.published import PublishedResults
from unharness.report.published_comparison import (
    compare_with,
    comparison_notes,
    nothing_to_compare,
    published_values,
)
from unharness.report.published_rows import PublishedLine
from unharness.report.ranking import Column, Value
from unharness.report.row_warnings import row_warnings
from unharness.report.rows import COSTS, Board, Group, Row
from unharness.report.scale import Scale
from unharness.report.values import format_number, signed
from unharness.safe_text import csv_cell, one_line
from unharness.safe_text import to_json as safe_json

REFERENCE_ENDS = ("_reference", "_difference")
_MARKS = {"\\": "\\\\", "&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "](": "]\\("}
FIXED_FIELDS = (
    *("task", "data_source", "data_hash", "model"),
    *("tuning", "method", "hyperparameters", "chosen", "prompt", "attack", "seeds"),
    *("target_seeds", "runs", "origin", "ranks"),
)


def to_json(board: Board, published: PublishedResults | None = None) -> str:
    """Return a list of all rows of all groups, in their order, indented.

    Rows of publications come after those of their group, and have the key `published`.
    """
    rows = []
    for group in board.groups:
        for row in group.rows:
            values = row_values(group, row)
            if published:
                values["reference"] = published_values(group, row, published)
            rows.append(values)
        spec = group.spec
        rows += [line.values(spec.task, spec.model) for line in group.published]
    return safe_json(rows) + "\n"


def row_values(group: Group, row: Row) -> dict[str, Any]:
    """Return one row as JSON values, with the metrics that are columns of its group."""
    spec = row.spec
    ranks = group.ranks.get(next(i for i, one in enumerate(group.rows) if one is row))
    return {
        "task": spec.task,
        "data": {"source": spec.data_source, "hash": spec.data_hash},
        "model": spec.model,
        "tuning": spec.tuning,
        "method": spec.method,
        "hyperparameters": spec.config,
        "chosen": row.chosen,
        "seeds": list(row.seeds),
        "target_seeds": list(row.target_seeds),
        "runs": list(row.runs),
        "origin": row.origin or None,
        "ranked_by": group.headline,
        "ranks": list(ranks) if ranks else None,
        "metrics": {
            column.name: _metric_values(row.metrics[column.name])
            | {"axis": column.axis, "components": row.components(column)}
            | _change_values(group, row, column)
            for column in group.columns
        },
        "cost": dict(row.cost),
        "front_of": [
            found.against
            for found in group.trade_offs
            if any(group.rows[index] is row for index in found.front)
        ],
        "warnings": list(row.warnings),
        **_attacks_values(group, row),
    }


def _attacks_values(group: Group, row: Row) -> dict[str, Any]:
    """Return a row under prompts, and under all other attacks, by name."""
    found: dict[str, Any] = {"prompts": {}, "attacks": {}}
    for name, seen in row.attacks.items():
        kind = "attacks" if seen.prompt is None else "prompts"
        found[kind][name] = _attacked_values(group, seen)
    return found


def _attacked_values(group: Group, seen: Attacked) -> dict[str, Any]:
    names = [column.name for column in group.columns]
    uses = [{"name": use.name, "version": use.version, "config": use.config} for use in seen.uses]
    return {
        **({"uses": uses} if seen.prompt is None else {"text": seen.prompt}),
        "seeds": list(seen.seeds),
        "runs": list(seen.runs),
        "metrics": {name: _metric_values(seen.metrics[name]) for name in names},
        "changes": {
            column.name: _metric_values(seen.changes[column.name])
            | {"kind": "factor" if Scale.of(column.unit).log else "difference"}
            for column in group.columns
        },
    }


def to_csv(board: Board, published: PublishedResults | None = None) -> str:
    """Return one line a row, prompt and attack; an empty field where there is no value."""
    names = list(dict.fromkeys(column.name for group in board.groups for column in group.columns))
    metric_fields = [field for name in names for field in _metric_fields(name)]
    if published:
        metric_fields += [name + end for name in names for end in REFERENCE_ENDS]
    out = io.StringIO()
    fields = [*FIXED_FIELDS, *metric_fields, *COSTS]
    writer = csv.writer(out, lineterminator="\n")

    def write(row: Mapping[str, Any]) -> None:
        writer.writerow([csv_cell(row.get(name)) for name in fields])

    write({name: name for name in fields})
    for group in board.groups:
        for row in group.rows:
            values = row_values(group, row)
            printed = published_values(group, row, published) if published else None
            if row.runs:
                flat = _flat_row(values) | _flat_reference(printed, names)
                write(flat | {"prompt": "none", "attack": "none"})
            for kind, other in (("prompt", "attack"), ("attack", "prompt")):
                for name, seen in values[f"{kind}s"].items():
                    # What the training cost is said once, in the line without an attack.
                    own = {key: seen[key] for key in ("metrics", "seeds", "runs")} | {"cost": {}}
                    write(_flat_row(values | own) | {kind: name, other: "none"})
        for line in group.published:
            write(_flat_published(line, group, names))
    return out.getvalue()


def to_markdown(board: Board, published: PublishedResults | None = None) -> str:
    """Return a table a group, best in bold, what must be known of it below."""
    parts = []
    for title, group in zip(group_titles(board), board.groups, strict=True):
        parts.append(f"## {markdown_text(title)}\n\n{_group_table(group)}")
        if attacked := lines(group):
            words = [" ".join(words) for words in headers(compared(group))]
            parts += [f"{TITLE}:", markdown_table([["Method", "Attack", *words], *attacked], 2)]
        if published and (found := compare_with(published, group)):
            words = [" ".join(words) for words in headers(found.columns)]
            parts += map(markdown_text, comparison_notes(found, published))
            parts += [markdown_table([["Method", *words], *found.lines()], 1)]
        notes = [*group_notes(group), *(f"⚠ {line}" for line in row_warnings(group))]
        parts += ["\n".join(f"- {markdown_text(note)}" for note in notes)] if notes else []
    if published and (reason := nothing_to_compare(board, published)):
        parts.append(markdown_text(reason))
    parts += [markdown_text(note) for note in board.notes]
    return "\n\n".join(parts) + "\n" if parts else ""


def interval(value: Value, unit: str = "") -> str:
    """Return a metric's 95% interval in brackets, or nothing where there is none."""
    if value.ci95 is None:
        return ""
    low, high = value.ci95
    return f"[{format_number(low, unit)}, {format_number(high, unit)}]"


def _metric_values(value: Value) -> dict[str, Any]:
    return {
        "value": value.value,
        "ci95": None if value.ci95 is None else list(value.ci95),
        "n": value.n,
    }


def _change_values(group: Group, row: Row, column: Column) -> dict[str, Any]:
    """Return what a row gained in general knowledge, and what guessing gives; else nothing."""
    found: dict[str, Any] = {} if column.chance is None else {"chance": column.chance}
    change = group.change(row, column)
    if change is not None:
        ends = group.change_interval(row, column)
        found |= {"change": change, "change_ci95": None if ends is None else list(ends)}
    return found


def _metric_fields(name: str) -> tuple[str, str, str]:
    return name, f"{name}_lo", f"{name}_hi"


def _flat_row(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "task": row["task"],
        "data_source": row["data"]["source"],
        "data_hash": row["data"]["hash"],
        "model": row["model"],
        "tuning": row["tuning"],
        "method": row["method"],
        "hyperparameters": json.dumps(row["hyperparameters"], ensure_ascii=False),
        "chosen": row["chosen"],
        "seeds": " ".join(map(str, row["seeds"])),
        "target_seeds": " ".join(map(str, row["target_seeds"])),
        "runs": " ".join(row["runs"]),
        "origin": row["origin"] or "",
        "ranks": " ".join(map(str, row["ranks"] or ())),
    }
    for name, metric in row["metrics"].items():
        numbers = (metric["value"], *(metric["ci95"] or (None, None)))
        flat |= dict(zip(_metric_fields(name), numbers, strict=True))
    flat |= row["cost"]
    return flat


def _flat_published(line: PublishedLine, group: Group, names: list[str]) -> dict[str, Any]:
    """Return a row of a publication; `chosen` says that it is one, and of which."""
    spec, cells = group.spec, line.row.cells
    return {
        "task": spec.task,
        "model": line.table.model,
        "method": line.row.method,
        "chosen": line.mark,
    } | {name: cells[name].value for name in names if name in cells}


def _flat_reference(printed: dict[str, Any] | None, names: list[str]) -> dict[str, Any]:
    """Return the published counterpart of a row, for the columns that there are."""
    metrics = printed["metrics"] if printed else {}
    flat = {}
    for name in set(names) & set(metrics):
        cell = metrics[name]
        flat[name + REFERENCE_ENDS[0]] = cell.get("printed", cell["value"])
        flat[name + REFERENCE_ENDS[1]] = cell["difference"]
    return flat


def _group_table(group: Group) -> str:
    names = [
        f"{top}: {name}" if top else name
        for top, name in zip(
            first_headings(group.shown), map(" ".join, headers(group.shown)), strict=True
        )
    ]
    ranks = ["Rank"] if len(group.ranks) > 1 else []
    rows = [["Method", *ranks, *names, *(" ".join(COST_WORDS[name]) for name in group.costs)]]
    for index, (label, row) in enumerate(zip(row_labels(group), group.rows, strict=True)):
        name = f"{label.name} ({', '.join(label.details)})" if label.details else label.name
        cells = [f"{name} ⚠" if row.warnings else name]
        cells += [rank_text(group, index)] if ranks else []
        for column in group.shown:
            value = row.metrics[column.name]
            shown = format_number(value.value, column.unit)
            shown = f"**{shown}**" if index in group.best[column.name] else shown
            shown = f"{shown} {interval(value, column.unit)}".rstrip()
            cells.append(f"{shown}{_change_text(group, row, column)}")
        cells += [format_number(row.cost[name]) for name in group.costs]
        rows.append(cells)
    for line in group.published:
        blanks = [""] * len(ranks), [""] * len(group.costs)
        found = line.texts(group.shown, group.columns)
        rows.append([f"{line.row.label} ({line.mark})", *blanks[0], *found, *blanks[1]])
    return markdown_table(rows, 1)


def _change_text(group: Group, row: Row, column: Column) -> str:
    """Return what a row gained in general knowledge, with its interval; else nothing."""
    change = group.change(row, column)
    if change is None:
        return ""
    ends = group.change_interval(row, column)
    text = signed(change, column.unit)
    if ends is not None:
        low, high = (signed(end, column.unit) for end in ends)
        text += f" [{low}, {high}]"
    return f" ({text})"


def markdown_table(rows: list[list[str]], names: int) -> str:
    """Return rows as a table, the first one being its head; `names` columns are flush left."""
    marks = ["---"] * names + ["---:"] * (len(rows[0]) - names)
    whole = [rows[0], marks, *rows[1:]]
    return "\n".join(f"| {' | '.join(map(markdown_text, cells))} |" for cells in whole)


def markdown_text(text: str) -> str:
    """Return a text in one line that makes no table, HTML, link or image."""
    text = one_line(text)
    for mark, written in _MARKS.items():
        text = text.replace(mark, written)
    return text
