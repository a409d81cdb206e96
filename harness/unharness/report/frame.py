"""A board as a pandas DataFrame: one row a row of the board, and one for each attack on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from unharness.records.frame import HIGH, LOW, make_frame
from unharness.report.ranking import Value
from unharness.report.rows import Board, Group, Row

if TYPE_CHECKING:
    from pandas import DataFrame


def board_frame(board: Board) -> DataFrame:
    """Return the rows of all groups, in their order; see `Board.to_frame`.

    Raises:
        UsageError: pandas is not installed.
    """
    parts = [part for group in board.groups for row in group.rows for part in _parts(group, row)]
    names = [name for at in range(4) for part in parts for name in part[at]]
    return make_frame([{**a, **b, **c, **d} for a, b, c, d in parts], names)


Part = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]
"""What the row is, its hyperparameters, its metrics, and what it cost."""


def _parts(group: Group, row: Row) -> Iterator[Part]:
    spec = row.spec
    ranks = group.ranks.get(next(at for at, one in enumerate(group.rows) if one is row))
    facts = {
        "task": spec.task,
        "data_source": spec.data_source,
        "model": spec.model,
        "tuning": spec.tuning,
        "method": spec.method,
        "reference": row.reference,
        "chosen": row.chosen,
        "attack": "none",
        "seeds": row.seeds,
        "target_seeds": row.target_seeds,
        "rank_first": ranks[0] if ranks else None,
        "rank_last": ranks[1] if ranks else None,
        "collapsed": row.collapsed,
    }
    own = {f"hyperparameters.{name}": value for name, value in spec.config.items()}
    if row.runs:
        yield facts, own, _metrics(group, row.metrics), dict(row.cost)
    for name, seen in row.attacks.items():
        attacked = {"attack": name, "seeds": seen.seeds, "rank_first": None, "rank_last": None}
        yield facts | attacked, own, _metrics(group, seen.metrics), {}


def _metrics(group: Group, values: Mapping[str, Value]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in group.columns:
        value = values[column.name]
        low, high = value.ci95 or (None, None)
        found |= {column.name: value.value, column.name + LOW: low, column.name + HIGH: high}
    return found
