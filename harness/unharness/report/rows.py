"""From records to rows: runs on one target and one data make a group, a method's seeds a row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unharness.data.sources import STANDIN
from unharness.errors import UnharnessError
from unharness.models.family import same_model
from unharness.records.record import MetricRecord, RankingRecord, RunRecord
from unharness.records.spec import RunSpec
from unharness.records.store import RecordStore, Unreadable
from unharness.reference_rows import ReferenceRow, row_of
from unharness.registry import registry
from unharness.report.aggregation import (
    by_target,
    how_chosen,
    mean_cost,
    over_runs,
    target_weights,
)
from unharness.report.attacked import Attacked, attacked_rows, without_attack
from unharness.report.metric_origins import current_numbers
from unharness.report.ranking import Column, Value, rank

COSTS = ("train_seconds", "seconds_per_step", "peak_memory_gb", "trainable_parameters")
GENERAL = "general"
"""Metrics of general knowledge begin so."""


@dataclass(frozen=True)
class Row:
    """One method with its hyperparameters and one tuning, over its seeds."""

    spec: RunSpec
    """Of the run with the smallest seed; the others differ from it in the seed alone."""
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    """Run ids, in the order of the seeds."""
    metrics: Mapping[str, Value]
    """Without an attack; no values where there are attacked runs alone."""
    cost: Mapping[str, float | None]
    """By name in COSTS: the mean over the runs that have it."""
    warnings: tuple[str, ...]
    attacks: Mapping[str, Attacked] = field(default_factory=dict)
    """By name: what an instruction before every question makes of the same weights."""
    reference: ReferenceRow | None = None
    """Which reference row it is, if it is one."""
    chosen: str = "default"
    """How its hyperparameters were chosen: `default`, a preset, `by hand`, `tuned, N trials`."""

    @property
    def method(self) -> str:
        """The method's name."""
        return self.spec.method

    def settings(self) -> dict[str, Any]:
        """Return, by name, all but the tuning that tells two rows of one method apart."""
        lora = {f"lora.{name}": value for name, value in (self.spec.lora or {}).items()}
        general = {"general": self.spec.general_hash[:6]} if self.spec.general_hash else {}
        return {"version": self.spec.method_version} | general | lora | self.spec.config


@dataclass(frozen=True)
class Group:
    """Rows that may be compared: one task, data, model, target and way to evaluate."""

    facts: Mapping[str, Any]
    """Everything that the rows have in common, by name."""
    columns: tuple[Column, ...]
    ranking: RankingRecord
    """Which columns rank and are plotted."""
    rows: tuple[Row, ...]
    """Base, target, retrained, then the rest, best first."""
    details: tuple[str, ...] = ()
    """Names of columns that a table leaves out."""

    @property
    def headline(self) -> str | None:
        """The label of the column that ranks; None where nothing is ranked."""
        return self.ranking.headline

    @property
    def spec(self) -> RunSpec:
        """The first row's spec."""
        return self.rows[0].spec

    def without_details(self) -> Group:
        """Return the group without the columns that tables leave out."""
        kept = tuple(column for column in self.columns if not column.detail)
        return replace(
            self,
            columns=kept,
            details=tuple(column.name for column in self.columns if column.detail),
        )

    def change(self, row: Row, column: Column) -> float | None:
        """Return what a row gained in general knowledge against the target; None for all else."""
        if not column.name.startswith(GENERAL) or row.reference == "target":
            return None
        target = next((one for one in self.rows if one.reference == "target"), None)
        before = target.metrics[column.name].value if target else None
        after = row.metrics[column.name].value
        return None if before is None or after is None else after - before

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
        """Return the part with these tasks, models and metrics; empty means all of them."""

        def wanted(task: str, model: str) -> bool:
            return (not tasks or task in tasks) and (not models or model in models)

        groups = tuple(
            replace(
                group,
                columns=tuple(
                    column for column in group.columns if not metrics or column.name in metrics
                ),
            )
            for group in self.groups
            if wanted(group.spec.task, group.spec.model)
        )
        unranked = tuple(item for item in self.unranked if wanted(item.task, item.model))
        return replace(self, groups=groups, unranked=unranked)

    def without_details(self) -> Board:
        """Return the board with the columns that fit a table, the others by name alone."""
        return replace(self, groups=tuple(group.without_details() for group in self.groups))


def load_board(results: Path) -> Board:
    """Read a results folder and compare its records; nothing is changed or deleted there."""
    return build_board(RecordStore(results))


def build_board(store: RecordStore) -> Board:
    """Read all records of a store and compare them; nothing is changed or deleted there."""
    warnings: list[str] = []
    unranked: list[Unranked] = []
    groups: dict[str, list[RunRecord]] = {}
    seen: set[tuple[str, str]] = set()
    for found in store.scan():
        if isinstance(found, Unreadable):
            warnings.append(f"skipped {found.reason}")
            continue
        item = found.record
        spec = item.spec
        reason = _why_unranked(item)
        group, run_id = _key(group_facts(spec)), item.run_id
        if reason:
            unranked.append(Unranked(item.run_id, spec.task, spec.model, reason))
        elif (group, run_id) in seen:  # a copied folder must not count as one more seed
            warnings.append(f"skipped a second record of run {run_id}: it would count twice")
        else:
            seen.add((group, run_id))
            groups.setdefault(group, []).append(item)
    made = []
    for alike in groups.values():
        for records in by_target(alike):
            current, notes = current_numbers(records)
            warnings += notes
            made.append(_group(current))
    made.sort(key=lambda group: (group.spec.task, group.spec.model, _key(group.facts)))
    return Board(tuple(made), tuple(unranked), tuple(warnings))


def group_facts(spec: RunSpec) -> dict[str, Any]:
    """Return what rows must have in common to be compared."""
    evaluation = spec.evaluation.model_dump(mode="json", exclude={"metrics"})
    return {"model": spec.model, **target_facts(spec), "evaluation": evaluation}


def target_facts(spec: RunSpec) -> dict[str, Any]:
    """Return what decides the target model: the recipe that taught it, or its own content."""
    if spec.target_hash:
        names = ("task", "task_version", "data_hash", "target_hash", "target_tuning", "dtype")
        return {name: getattr(spec, name) for name in (*names, "template")}
    return {
        "task": spec.task,
        "task_version": spec.task_version,
        "data_hash": spec.data_hash,
        "base_hash": spec.base_hash,
        "target_tuning": spec.target_tuning,
        # A target that is tuned whole does not depend on an adapter that comes after it.
        "lora": spec.lora if spec.target_tuning == "lora" else None,
        "target_recipe": spec.target_recipe,
        "dtype": spec.dtype,
        "template": spec.template,
    }


def target_row_of(record: RunRecord, store: RecordStore) -> RunRecord | None:
    """Return the finished record of the run's own target, evaluated in the same way, if any."""

    def key(spec: RunSpec) -> str:
        evaluation = spec.evaluation.model_dump(mode="json")
        attacks = [use.model_dump(mode="json") for use in spec.attacks]
        own = {"limit": spec.limit, "evaluation": evaluation, "attacks": attacks}
        return _key({**target_facts(spec), **own})

    wanted = key(record.spec)
    found = [
        item
        for item, _ in store.readable()
        if item.status == "done"
        and row_of(item.spec.method, registry()) == "target"
        and key(item.spec) == wanted
        and len(by_target([item, record])) == 1
    ]
    # Under a fresh adapter it is the same model; the plain record is the one to show.
    return min(found, key=lambda item: item.spec.tuning != item.spec.target_tuning, default=None)


def _why_unranked(record: RunRecord) -> str:
    if record.status != "done":
        return record.status
    return "partial" if record.partial or record.spec.limits() else ""


def _group(records: Sequence[RunRecord]) -> Group:
    rows: dict[str, list[RunRecord]] = {}
    for record in records:
        spec = record.spec
        key = [spec.method, spec.method_version, spec.config, spec.tuning, spec.lora]
        key += [spec.general_hash, spec.method_source]
        rows.setdefault(_key(key), []).append(record)
    columns = _columns(records)
    ranking = _ranking(records)
    made = [_row(runs, columns) for _, runs in sorted(rows.items())]
    ranked = rank(made, _column_named(ranking.headline, columns))
    weights = next(filter(None, map(target_weights, records)), None)
    facts = group_facts(records[0].spec) | ({"target_weights": weights} if weights else {})
    return Group(facts, columns, ranking, tuple(ranked))


def _columns(records: Iterable[RunRecord]) -> tuple[Column, ...]:
    """Return the metrics in the order of the first record, then any that later ones add."""
    columns: dict[str, Column] = {}
    known: set[str] = set()
    for record in records:
        for name, metric in record.metrics.items():
            # A metric that failed to load has no unit of its own: one with a value says it.
            if name not in columns or (name not in known and metric.value is not None):
                role = _role(record, metric)
                columns[name] = Column(
                    name, metric.unit, metric.direction, role, detail=metric.detail
                )
            if metric.value is not None:
                known.add(name)
    return tuple(columns.values())


def _role(record: RunRecord, metric: MetricRecord) -> str:
    splits = record.data.splits if record.data else {}
    return str(splits.get(metric.split or "", {}).get("role", ""))


def _column_named(name: str | None, columns: Sequence[Column]) -> Column | None:
    return next((column for column in columns if column.name == name), None)


def _ranking(records: Sequence[RunRecord]) -> RankingRecord:
    """Return what the task ranks by: as it is installed, else as the latest record says."""
    task, found = records[0].spec.task, registry()
    try:
        with found.named("tasks", task):
            return RankingRecord.of(found.get("tasks", task))
    except UnharnessError:
        known = [record for record in records if record.ranking]
        latest = max(known, key=lambda record: record.started, default=None)
        return (latest and latest.ranking) or RankingRecord()


def _row(records: Sequence[RunRecord], columns: Sequence[Column]) -> Row:
    ordered = sorted(records, key=lambda record: record.spec.seed)
    runs = without_attack(ordered)
    return Row(
        spec=(runs or ordered)[0].spec,
        seeds=tuple(record.spec.seed for record in runs),
        runs=tuple(record.run_id for record in runs),
        metrics={column.name: over_runs(runs, column.name) for column in columns},
        cost={name: mean_cost(runs, name) for name in COSTS},
        warnings=tuple(dict.fromkeys(text for record in runs for text in record.warnings)),
        attacks=attacked_rows(ordered, columns, over_runs),
        reference=row_of(ordered[0].spec.method, registry()),
        chosen=how_chosen(ordered[0]),
    )


def _key(parts: Any) -> str:
    return json.dumps(parts, sort_keys=True)
