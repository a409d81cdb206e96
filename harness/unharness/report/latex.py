"""The board as LaTeX: booktabs, with the columns grouped by axis."""

from __future__ import annotations

from collections.abc import Sequence

from unharness.report.axes import headings
from unharness.report.labels import (
    ARROWS,
    COST_WORDS,
    column_words,
    group_notes,
    group_titles,
    row_labels,
)
from unharness.report.ranking import Column, Value
from unharness.report.rows import SHOWN_COSTS, Board, Group
from unharness.report.values import format_number
from unharness.safe_text import one_line

_ARROWS = {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "=": "="}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # after a row's end it would be the space between rows
    "]": "{]}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "·": r"$\cdot$",
    "–": "--",
    "…": r"\dots{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",
}


def to_latex(board: Board) -> str:
    """Return a table a group; the preamble needs `booktabs`."""
    titles = group_titles(board)
    tables = [
        _table(title, group, index)
        for index, (title, group) in enumerate(zip(titles, board.groups, strict=True), start=1)
    ]
    head = r"% needs \usepackage{booktabs}"
    return "\n\n".join([head, *tables]) + "\n" if tables else ""


def escaped(text: str) -> str:
    """Return a text of which LaTeX reads every character as it stands."""
    return "".join(_SPECIAL.get(letter, letter) for letter in one_line(text))


def _table(title: str, group: Group, index: int) -> str:
    columns = group.shown
    # Costs are of one machine: a paper's table has them where they were asked for.
    costs = () if group.costs == SHOWN_COSTS else group.costs
    lines = [
        r"\begin{table*}[t]",
        r"\centering\small",
        rf"\begin{{tabular}}{{l{'r' * (len(columns) + len(costs))}}}",
        r"\toprule",
        *_head(columns, costs),
        r"\midrule",
    ]
    references = sum(row.reference is not None for row in group.rows)
    for at, (label, row) in enumerate(zip(row_labels(group), group.rows, strict=True)):
        name = escaped(label.name)
        if label.details:
            name += rf" {{\scriptsize ({escaped(', '.join(label.details))})}}"
        cells = [name]
        for column in columns:
            best = at in group.best[column.name]
            cells.append(_cell(row.metrics[column.name], column.unit, best))
        cells += [escaped(format_number(row.cost[one])) for one in costs]
        lines.append(" & ".join(cells) + r" \\")
        if at == references - 1 and references < len(group.rows):
            lines.append(r"\midrule")
    if group.published:
        lines.append(r"\midrule")
    for published in group.published:
        name = rf"{escaped(published.row.label)} {{\scriptsize ({escaped(published.mark)})}}"
        texts = map(escaped, published.texts(columns, group.columns))
        lines.append(" & ".join([name, *texts, *[""] * len(costs)]) + r" \\")
    notes = " ".join(group_notes(group))
    caption = f"{escaped(title)}. 95\\% intervals in brackets. {escaped(notes)}"
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:unharness-{index}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines)


def _head(columns: Sequence[Column], costs: Sequence[str]) -> list[str]:
    """Return the line of the axes, its rules, and the line of the metrics."""
    tops, rules, at = ["Method"], [], 2
    for heading, count in [*headings(columns), *([("Cost", len(costs))] if costs else [])]:
        tops.append(rf"\multicolumn{{{count}}}{{c}}{{{heading}}}")
        if heading:
            rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    names = [
        escaped(" ".join(words)) + f" {_ARROWS[ARROWS[column.direction]]}"
        for words, column in zip(column_words(columns), columns, strict=True)
    ]
    names += [" ".join(COST_WORDS[one]) for one in costs]
    return [" & ".join(tops) + r" \\", " ".join(rules), " & ".join(["", *names]) + r" \\"]


def _cell(value: Value, unit: str, best: bool) -> str:
    shown = escaped(format_number(value.value, unit))
    if best:
        shown = rf"\textbf{{{shown}}}"
    if value.ci95 is not None:
        low, high = (escaped(format_number(end, unit)) for end in value.ci95)
        shown += rf" {{\scriptsize [{low}, {high}]}}"
    return shown
