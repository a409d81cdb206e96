"""What the page shows, as JSON: every group, its rows, and the runs behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unharness.errors import RecordError
from unharness.records.examples import ExampleRecord, has_examples, read_examples
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore, StoredRecord
from unharness.report.labels import (
    COST_WORDS,
    group_notes,
    group_titles,
    headers,
    rank_text,
    row_labels,
    score_label,
    score_unit,
)
from unharness.report.ranking import Column, distances
from unharness.report.row_warnings import row_warnings
from unharness.report.rows import Board, Group, Row
from unharness.report.samples import by_run
from unharness.report.scale import Scale
from unharness.report.studies import FoundStudy, read_studies

MOST_RUNS = 200
"""Of more runs, the examples are left out: the page would be too large to open."""
MOST_LOSSES = 400
"""Points of a loss curve; of more, every so many."""
DIGITS = 5
MOST_DOTS = 20
"""Runs of a row that are shown as dots."""
WITHHELD = "Questions and answers are not in this page: their data is not bundled with unharness."


def payload(
    board: Board, store: RecordStore, texts: Callable[[RunRecord], bool] | None = None
) -> dict[str, Any]:
    """Return everything that the page shows; numbers that are none are null.

    Examples that cannot be read are left out; `warnings` names their file.

    Args:
        board: what is shown.
        store: where its records lie.
        texts: whether a record's questions and answers may be shown; None: all may.
    """
    runs = {run for group in board.groups for row in group.rows for run in row.runs}
    stored = store.by_evaluation()
    with_examples = len(runs) <= MOST_RUNS
    titles = group_titles(board)
    warnings = list(board.warnings)
    withheld: list[str] = []
    return {
        "groups": [
            _group(title, group, found, examples, studies)
            for title, group in zip(titles, board.groups, strict=True)
            for found in [stored[group.spec.evaluation_id()]]
            for examples in [
                _Examples(group, found, warnings, texts, withheld) if with_examples else None
            ]
            for studies in [_studies(group, store, warnings)]
        ],
        "warnings": warnings,
        "notes": [
            *board.notes,
            *([] if with_examples else [_left_out(len(runs))]),
            *([WITHHELD] if withheld else []),
        ],
    }


def _studies(group: Group, store: RecordStore, warnings: list[str]) -> list[FoundStudy]:
    return read_studies(store.root, group.spec.task, group.spec.model, warnings.append)


def _left_out(count: int) -> str:
    return f"{count} runs: examples are left out; 'unharness show RUN' has them"


def _group(
    title: str,
    group: Group,
    stored: Mapping[str, StoredRecord],
    examples: _Examples | None,
    studies: Sequence[FoundStudy],
) -> dict[str, Any]:
    none: list[float | None] = [None] * len(group.rows)
    apart = [
        distances(group.rows, column) if column.direction == "match_reference" else none
        for column in group.columns
    ]
    labels = row_labels(group)
    names = [" ".join(words) for words in headers(group.columns)]
    return {
        "title": title,
        "notes": group_notes(group),
        "warnings": row_warnings(group),
        "headline": group.headline,
        "score": _score(group, {run: item.record for run, item in stored.items()}),
        "columns": [
            {"name": column.name, "label": name, "unit": column.unit}
            | {"direction": column.direction, "detail": column.detail}
            | {"axis": column.axis, "heading": column.heading}
            for column, name in zip(group.columns, names, strict=True)
        ],
        "rows": [
            {
                "name": label.name,
                "details": list(label.details),
                "reference": row.reference is not None,
                "chosen": row.chosen,
                "origin": row.origin or None,
                "rank": rank_text(group, index),
                "seeds": list(row.seeds),
                "runs": list(row.runs),
                "warnings": list(row.warnings),
                "cost": {name: _number(value) for name, value in row.cost.items()},
                "metrics": {
                    column.name: _value(group, row, column)
                    | {"best": index in group.best[column.name]}
                    | {"distance": _number(away[index]), "runs": _by_run(row, column)}
                    for column, away in zip(group.columns, apart, strict=True)
                },
            }
            for index, (label, row) in enumerate(zip(labels, group.rows, strict=True))
        ],
        "costs": [{"name": name, "label": " ".join(COST_WORDS[name])} for name in group.costs],
        "published": [
            {"name": line.row.label, "mark": line.mark, "url": line.results.url}
            | {"cells": dict(zip([one.name for one in group.columns], texts, strict=True))}
            for line in group.published
            for texts in [line.texts(group.columns, group.columns)]
        ],
        "tradeoffs": [
            {"across": found.across, "against": found.against, "front": sorted(found.front)}
            | {"hypervolume": _number(found.hypervolume), "square": found.square}
            for found in group.trade_offs
        ],
        "studies": [one.model_dump(mode="json") for one in studies],
        "questions": examples.questions if examples else [],
        "runs": {run: _run(stored[run].record, examples) for row in group.rows for run in row.runs},
    }


def _score(group: Group, records: Mapping[str, RunRecord]) -> dict[str, str]:
    """Return what an answer's score is: that of the metric that ranks, shown as column or not."""
    name = group.ranking.headline or ""
    runs = (run for row in group.rows for run in row.runs)
    known = (records[run].metrics[name] for run in runs if name in records[run].metrics)
    found = next(known, None)
    column = Column(name, found.unit if found else "", found.direction if found else "higher")
    return {"label": score_label(column), "unit": score_unit(column)}


def _value(group: Group, row: Row, column: Column) -> dict[str, Any]:
    value = row.metrics[column.name]
    low, high = value.ci95 or (None, None)
    return {
        "value": _number(value.value),
        "low": _number(low),
        "high": _number(high),
        "n": value.n,
        "change": _number(group.change(row, column)),
        "change_ends": [_number(end) for end in group.change_interval(row, column) or ()],
    }


def _by_run(row: Row, column: Column) -> list[float | None]:
    """Return the runs' own values, where they are few enough to be shown as dots."""
    found = by_run(row.metrics[column.name], Scale.of(column.unit))
    return [_number(one) for one in found.values()] if 1 < len(found) <= MOST_DOTS else []


def _run(record: RunRecord, examples: _Examples | None) -> dict[str, Any]:
    losses = record.training.losses if record.training else []
    every = max(1, math.ceil(len(losses) / MOST_LOSSES))
    spec = record.spec.model_dump(mode="json")
    return {
        "method": record.spec.method,
        "seed": record.spec.seed,
        "spec": spec,
        "provenance": record.provenance,
        "cost": record.cost.model_dump(mode="json"),
        "started": record.started,
        "finished": record.finished,
        "warnings": record.warnings,
        "metrics": {
            name: {"value": _number(metric.value), "ci95": metric.ci95 and list(metric.ci95)}
            for name, metric in record.metrics.items()
        },
        "losses": [_number(loss) for loss in losses[::every]],
        "every": every,
        "after": examples.after(record) if examples else None,
    }


class _Examples:
    """A group's questions, once, and what each run answers to them."""

    def __init__(
        self,
        group: Group,
        stored: Mapping[str, StoredRecord],
        warnings: list[str],
        texts: Callable[[RunRecord], bool] | None,
        withheld: list[str],
    ) -> None:
        """Read the examples of a group's runs.

        Args:
            group: whose runs.
            stored: by run id, where each record lies.
            warnings: gets a line for each file that cannot be read.
            texts: whether a record's examples may be shown; None: all may.
            withheld: gets the run ids of those that may not.
        """
        self._metric = group.ranking.headline or ""
        self._read: dict[str, list[ExampleRecord]] = {}
        for row in group.rows:
            for run in row.runs:
                self._read[run] = []
                # Examples that were never there are no fault: the page says so by the run.
                if not has_examples(*stored[run]):
                    continue
                if texts is not None and not texts(stored[run].record):
                    withheld.append(run)
                    continue
                try:
                    self._read[run] = read_examples(*stored[run])
                except RecordError as error:
                    warnings.append(str(error))
        target = next((row for row in group.rows if row.reference == "target"), None)
        # One damaged file must not cost the others their questions.
        runs = [run for row in group.rows for run in row.runs if self._read[run]]
        first = next((run for run in target.runs if self._read[run]), None) if target else None
        self.questions: list[dict[str, Any]] = []
        self._index: dict[tuple[str, str], int] = {}
        for line in self._read[first or runs[0]] if runs else ():
            self._index[line.split, line.id] = len(self.questions)
            self.questions.append(
                {"split": line.split, "id": line.id, "prompt": line.prompt, "answer": line.answer}
                | {"before": line.generated if first else None}
            )

    def after(self, record: RunRecord) -> list[Any] | None:
        """Return, by question, what the run generates and its ranking score; None: not known."""
        found: list[Any] = [None] * len(self.questions)
        seen = False
        for line in self._read[record.run_id]:
            place = self._index.get((line.split, line.id))
            if place is not None:
                seen = True
                found[place] = [line.generated, _number(line.scores.get(self._metric))]
        return found if seen else None


def _number(value: float | None) -> float | None:
    """Return a number that JSON can hold, in as many digits as a page can show."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")
