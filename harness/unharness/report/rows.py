"""Rows and groups of rows: runs of one data and kind of target, a method's seeds a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from unharness.data.named_task import full_task_name
from unharness.data.sources import STANDIN
from unharness.evaluation.metric import PERCENT
from unharness.models.family import same_model
from unharness.pipeline.checkpoint_runs import STOP_AFTER
from unharness.records.record import RankingRecord
from unharness.records.spec import RunSpec
from unharness.reference_rows import ReferenceRow
from unharness.registry import registry
from unharness.report.attacked import Attacked
from unharness.report.intervals import (
    Interval,
    Uncertain,
    components,
    difference,
    unseen_share,
)
from unharness.report.published_rows import PublishedLine
from unharness.report.ranking import (
    Column,
    Differences,
    Value,
    best_rows,
    pair_differences,
    rank_ranges,
    smallest_difference,
)
from unharness.report.scale import Scale, within_range
from unharness.report.tradeoff import TradeOff, trade_offs

if TYPE_CHECKING:
    from pandas import DataFrame

COSTS = ("train_seconds", "seconds_per_step", "peak_memory_gb", "trainable_parameters")
SHOWN_COSTS = ("train_seconds", "peak_memory_gb")
"""Those of printed tables, unless others are asked for."""
COLLAPSED = "the model has collapsed"
"""Warnings of models that no longer answer begin so."""
GENERAL = "general"
"""Metrics of general knowledge begin so."""


@dataclass(frozen=True)
class Row:
    """One method with its hyperparameters and one tuning, over its seeds."""

    spec: RunSpec
    """Of the run with the smallest seeds; the others differ from it in their seeds alone."""
    seeds: tuple[int, ...]
    """By run."""
    runs: tuple[str, ...]
    """Run ids, by target seed and seed."""
    metrics: Mapping[str, Value]
    """Without an attack; no values where there are attacked runs alone."""
    cost: Mapping[str, float | None]
    """By name in COSTS: the mean over the runs that have it."""
    warnings: tuple[str, ...]
    warned_runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Run ids, by warning; none of a warning that concerns the row as a whole."""
    attacks: Mapping[str, Attacked] = field(default_factory=dict)
    """By name: what an instruction before every question makes of the same weights."""
    reference: ReferenceRow | None = None
    """Which reference row it is, if it is one."""
    chosen: str = "default"
    """How its hyperparameters were chosen: `default`, a preset, `by hand`, `tuned, N trials`."""
    target_seeds: tuple[int, ...] = ()
    """By run."""
    origin: str = ""
    """Which folder of others its runs are from; empty for our own."""

    @property
    def method(self) -> str:
        """The method's name."""
        return self.spec.method

    @property
    def collapsed(self) -> bool:
        """Whether a run of it is marked as collapsed."""
        return any(text.startswith(COLLAPSED) for text in self.warnings)

    def components(self, column: Column) -> dict[str, float | None]:
        """Return how much of a value's spread is the target's, the seed's and the questions'.

        Returns:
            The standard deviation of each effect by name, on the scale of the column's unit; None
            where it cannot be told.
        """
        sampled = self.metrics[column.name].sampled
        return components(sampled) if sampled else {}

    def settings(self) -> dict[str, Any]:
        """Return, by name, all but the tuning that tells two rows of one method apart."""
        lora = {f"lora.{name}": value for name, value in (self.spec.lora or {}).items()}
        general = {"general": self.spec.general_hash[:6]} if self.spec.general_hash else {}
        whole = {STOP_AFTER: None}  # a spec names a stop only where there is one
        return {"version": self.spec.method_version} | general | lora | whole | self.spec.config


@dataclass(frozen=True)
class Group:
    """Rows that may be compared: one task, data, model, target and way to evaluate."""

    facts: Mapping[str, Any]
    """Everything that the rows have in common, by name."""
    columns: tuple[Column, ...]
    ranking: RankingRecord
    """What the task's paper ranks by, and what it plots."""
    rows: tuple[Row, ...]
    """Base, target, retrained, then the rest, best first."""
    ranked_by: Column | None = None
    """The column that ranks; None where nothing is ranked."""
    notes: tuple[str, ...] = ()
    """What closeness could not be measured on, or why there is none."""
    costs: tuple[str, ...] = SHOWN_COSTS
    """The costs of printed tables, names in COSTS."""
    published: tuple[PublishedLine, ...] = ()
    """Rows of publications, shown below ours and never ranked."""

    @property
    def headline(self) -> str | None:
        """The name of the column that ranks; None where nothing is ranked."""
        return self.ranked_by.name if self.ranked_by else None

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns of printed tables."""
        return tuple(column for column in self.columns if not column.detail)

    @cached_property
    def best(self) -> dict[str, frozenset[int]]:
        """By column: the index of the row that is significantly better than all others, if any."""
        return {column.name: best_rows(self.rows, column) for column in self.columns}

    @cached_property
    def ranks(self) -> dict[int, tuple[int, int]]:
        """By row's index: the first and the last place that it may have; empty without ranking."""
        if self.ranked_by is None:
            return {}
        return rank_ranges(self.rows, self.ranked_by, self._differences)

    @cached_property
    def smallest_difference(self) -> float | None:
        """The difference of two rows that is typically significant in the column that ranks."""
        return smallest_difference(self._differences)

    @cached_property
    def _differences(self) -> Differences:
        return pair_differences(self.rows, self.ranked_by) if self.ranked_by else {}

    def column(self, name: str | None) -> Column | None:
        """Return a column by its name, None if there is none."""
        return next((column for column in self.columns if column.name == name), None)

    @cached_property
    def trade_offs(self) -> list[TradeOff]:
        """What was forgotten against what was kept, for the task's axes."""
        return trade_offs(self)

    @property
    def spec(self) -> RunSpec:
        """The first row's spec."""
        return self.rows[0].spec

    def change(self, row: Row, column: Column) -> float | None:
        """Return what a row gained in general knowledge against the target; None for all else.

        Where the runs' values are known, each run is set against its own target model.
        """
        if not column.name.startswith(GENERAL) or row.reference == "target":
            return None
        before = self._target.metrics[column.name].value if self._target else None
        after = row.metrics[column.name].value
        if before is None or after is None:
            return None
        found = self._against_target(row, column)
        return after - before if found is None or Scale.of(column.unit).log else found.value

    def change_interval(self, row: Row, column: Column) -> Interval | None:
        """Return the 95% interval of `change`; None where nothing says how uncertain it is.

        Questions are paired where what each gave is known of both rows, runs by their seeds. Where
        no question changed, it is what so many questions leave open.
        """
        change = self.change(row, column)
        found = self._against_target(row, column)
        if change is None or found is None or self._target is None:
            return None
        half = found.half_width()
        count = min(row.metrics[column.name].n, self._target.metrics[column.name].n)
        if half == 0.0 and count and column.unit == PERCENT:
            half = unseen_share(count)
        if half is None:
            return None
        shares = (row.metrics[column.name].value, self._target.metrics[column.name].value)
        return within_range((change - half, change + half), column.unit, shares)

    def _against_target(self, row: Row, column: Column) -> Uncertain | None:
        """Return a row's value minus the target's; None where their runs' values are not known."""
        rows = [row, self._target] if self._target else []
        sampled = [one.metrics[column.name].sampled for one in rows]
        known = [one for one in sampled if one is not None]
        return difference(*known) if len(known) == 2 else None

    @cached_property
    def _target(self) -> Row | None:
        return next((row for row in self.rows if row.reference == "target"), None)

    @property
    def title(self) -> str:
        """Task, data with the beginning of its hash, model, and how the target was tuned."""
        spec = self.spec
        given = f"given, {spec.target_hash[:8]}" if spec.target_hash else ""
        target = given or spec.target_tuning
        return (
            f"{spec.task} · {spec.data_source} data {spec.data_hash[:8]} · {spec.model} · "
            f"target: {target}"
        )


@dataclass(frozen=True)
class Unranked:
    """A record that is no part of a row, and why: `running`, `failed` or `partial`."""

    run_id: str
    task: str
    model: str
    reason: str


@dataclass(frozen=True)
class Board:
    """All records of a results folder, compared."""

    groups: tuple[Group, ...] = ()
    unranked: tuple[Unranked, ...] = ()
    warnings: tuple[str, ...] = ()
    """A line for every record that was skipped, with the reason."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How many records are not ranked, by reason."""
        counts = Counter(item.reason for item in self.unranked)
        words = {"partial": "partial (limited data)", "failed": "failed", "running": "running"}
        found = [f"{counts[reason]} {text}" for reason, text in words.items() if counts[reason]]
        skipped = [f"{len(self.warnings)} skipped (cannot be used)"] if self.warnings else []
        return (f"not ranked: {', '.join(found + skipped)}",) if found or skipped else ()

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame: one row a row of the board, and one for each attack on it.

        Columns: `method`, `task`, `model`, `seeds` and other facts; `rank_first` and `rank_last`,
        the places that it may have; `hyperparameters.NAME`; of every column `LABEL` with
        `LABEL.low` and `LABEL.high`, the mean over runs and its 95% interval; and the costs.

        Raises:
            UsageError: pandas is not installed.
        """
        from unharness.report.frame import board_frame

        return board_frame(self)

    def metric_names(self) -> set[str]:
        """Return the names of all metrics in any row."""
        return {column.name for group in self.groups for column in group.columns}

    def find_rows(self, task: str, model: str, method: str) -> list[Row]:
        """Return a method's finished rows on a task's own data, best first in each group.

        Args:
            task: its name.
            model: its published name; hub ids and folders that end in it count as well.
            method: its name.
        """
        return [
            row
            for group in self.groups
            for row in group.rows
            if (row.spec.task, row.method) == (task, method)
            and same_model(row.spec.model, model)
            and row.spec.data_source != STANDIN
            and row.runs
        ]

    def narrowed(
        self,
        tasks: Collection[str] = (),
        models: Collection[str] = (),
        metrics: Collection[str] = (),
    ) -> Board:
        """Return the part with these tasks, models and metrics; empty means all of them.

        Raises:
            UsageError: a task is given a parameter that it does not have.
        """
        tasks = {full_task_name(task, registry()) for task in tasks}

        def wanted(task: str, model: str) -> bool:
            return (not tasks or task in tasks) and (not models or model in models)

        groups = tuple(
            replace(
                group,
                columns=tuple(
                    replace(column, detail=False) if metrics else column
                    for column in group.columns
                    if not metrics or column.name in metrics
                ),
            )
            for group in self.groups
            if wanted(group.spec.task, group.spec.model)
        )
        unranked = tuple(item for item in self.unranked if wanted(item.task, item.model))
        return replace(self, groups=groups, unranked=unranked)
