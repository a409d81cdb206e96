"""From records to a board: groups of rows that may be compared, ranked by closeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unharness.data.named_task import make_task
from unharness.errors import UnharnessError
from unharness.evaluation.columns import is_general
from unharness.records.record import AnswersRecord, MetricRecord, RankingRecord, RunRecord
from unharness.records.store import RecordStore, Unreadable
from unharness.reference_rows import ReferenceRow, row_of
from unharness.registry import registry
from unharness.report.aggregation import how_chosen, mean_cost
from unharness.report.attacked import Aggregate, attacked_rows, without_attack
from unharness.report.axes import axis_of, in_order
from unharness.report.chance import chance_of
from unharness.report.closeness import CLOSENESS
from unharness.report.closeness_columns import NAMES, ClosenessColumns
from unharness.report.collapse import Answers, collapse_reasons, mean_answers
from unharness.report.comparable import by_target, group_facts, key_of, run_key, target_weights
from unharness.report.metric_origins import current_numbers
from unharness.report.ranking import Column, Value, rank
from unharness.report.rows import COLLAPSED, COSTS, Board, Group, Row, Unranked
from unharness.report.samples import NumbersReader, RowSamples


def load_board(results: Path | str, rank_by: str = CLOSENESS) -> Board:
    """Read a results folder and compare its records; nothing is changed or deleted there.

    Args:
        results: the folder.
        rank_by: the column that ranks; a group that lacks it is not ranked.

    Example:
        >>> import unharness
        >>> frame = unharness.load_board("results").to_frame()
        >>> {"method", "seeds", "rank_first"} <= set(frame.columns)
        True
    """
    return build_board(RecordStore(results), rank_by)


def build_board(store: RecordStore, rank_by: str = CLOSENESS) -> Board:
    """Read all records of a store and compare them; nothing is changed or deleted there."""
    warnings: list[str] = []
    unranked: list[Unranked] = []
    groups: dict[str, list[RunRecord]] = {}
    numbers: dict[str, NumbersReader] = {}
    seen: set[tuple[str, str]] = set()
    origins: dict[str, str] = {}
    for found in store.scan():
        if isinstance(found, Unreadable):
            warnings.append(f"skipped {found.reason}")
            continue
        item = found.record
        spec = item.spec
        reason = _why_unranked(item)
        group, run_id = key_of(group_facts(spec)), item.run_id
        if reason:
            unranked.append(Unranked(item.run_id, spec.task, spec.model, reason))
        elif (group, run_id) in seen:  # a copied folder must not count as one more seed
            warnings.append(f"skipped a second record of run {run_id}: it would count twice")
        else:
            seen.add((group, run_id))
            origins.setdefault(run_id, store.origin(found.folder))
            numbers.setdefault(group, NumbersReader(warnings.append)).add(found)
            groups.setdefault(group, []).append(item)
    made = []
    for name, alike in groups.items():
        for records in by_target(alike):
            current, notes = current_numbers(records)
            warnings += notes
            made.append(_group(current, numbers[name], rank_by, origins))
    made.sort(key=lambda group: (group.spec.task, group.spec.model, key_of(group.facts)))
    return Board(tuple(made), tuple(unranked), tuple(warnings))


def _why_unranked(record: RunRecord) -> str:
    if record.status != "done":
        return record.status
    return "partial" if record.partial or record.spec.limits() else ""


def _group(
    records: Sequence[RunRecord],
    numbers: NumbersReader,
    rank_by: str,
    origins: Mapping[str, str],
) -> Group:
    rows: dict[str, list[RunRecord]] = {}
    for record in records:
        made = record.spec.unlearn
        key = [made.method, made.method_version, made.config, made.tuning, record.spec.lora]
        key += [record.spec.general_hash, made.method_source]
        key += [origins[record.run_id]]  # runs of others are rows of their own
        rows.setdefault(key_of(key), []).append(record)
    closeness = ClosenessColumns(records, numbers)
    ranking = _ranking(records)
    columns = in_order((*closeness.columns, *_columns(records, ranking)))

    names = [column.name for column in columns]

    def aggregate(runs: Sequence[RunRecord]) -> dict[str, Value]:
        of = RowSamples(runs, numbers).value
        return {name: closeness.value(runs, name) if name in NAMES else of(name) for name in names}

    base, target = _answers(records, "base"), _answers(records, "target")
    found = [
        _row(runs, columns, aggregate, _collapses(runs, base, target), origins[runs[0].run_id])
        for _, runs in sorted(rows.items())
    ]
    headline = next((column for column in columns if column.name == rank_by), None)
    return Group(
        group_facts(records[0].spec) | _target_weights(records),
        columns,
        ranking,
        tuple(rank(found, headline)),
        ranked_by=headline,
        notes=tuple(closeness.notes),
    )


def _target_weights(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the hash of the target's weights; of several, by target seed."""
    found = {run_key(one)[0]: weights for one in records if (weights := target_weights(one))}
    if len(found) > 1:
        return {"target_weights": {str(seed): found[seed] for seed in sorted(found)}}
    weights = next(iter(found.values()), None)
    return {"target_weights": weights} if weights else {}


def _columns(records: Iterable[RunRecord], ranking: RankingRecord) -> tuple[Column, ...]:
    """Return the metrics in the order of the first record, then any that later ones add."""
    columns: dict[str, Column] = {}
    known: set[str] = set()
    for record in records:
        for name, metric in record.metrics.items():
            # A metric that failed to load has no unit of its own: one with a value says it.
            if name not in columns or (name not in known and metric.value is not None):
                role = _role(record, metric)
                columns[name] = Column(
                    name,
                    metric.unit,
                    metric.direction,
                    role,
                    detail=metric.detail,
                    sample=metric.sample,
                    axis=axis_of(name, record, ranking),
                    leads=name == ranking.headline,
                    n=metric.n if is_general(name) else None,
                    chance=chance_of(name, record),
                )
            if metric.value is not None:
                known.add(name)
    return tuple(columns.values())


def _role(record: RunRecord, metric: MetricRecord) -> str:
    splits = record.data.splits if record.data else {}
    return str(splits.get(metric.split or "", {}).get("role", ""))


def _ranking(records: Sequence[RunRecord]) -> RankingRecord:
    """Return what the task ranks by: as it is installed, else as the latest record says."""
    found = registry()
    try:
        task = make_task(records[0].spec.task, found)
        with found.named("tasks", task.name):
            return RankingRecord.of(task)
    except UnharnessError:
        known = [record for record in records if record.ranking]
        latest = max(known, key=lambda record: record.started, default=None)
        return (latest and latest.ranking) or RankingRecord()


def _answers(records: Sequence[RunRecord], row: ReferenceRow) -> dict[str, AnswersRecord] | None:
    """Return the mean answers of a group's reference row; None where there are none."""
    made = [one for one in records if one.answers and row_of(one.spec.method, registry()) == row]
    return mean_answers([one.answers for one in without_attack(made)])


def _collapses(
    runs: Sequence[RunRecord], base: Answers | None, target: Answers | None
) -> list[str]:
    """Return why a method's row has collapsed, in the mean over its runs; empty if it has not."""
    if row_of(runs[0].spec.method, registry()):
        return []
    own = mean_answers([one.answers for one in without_attack(runs) if one.answers])
    return collapse_reasons(own, base, target) if own else []


def _row(
    records: Sequence[RunRecord],
    columns: Sequence[Column],
    aggregate: Aggregate,
    collapses: Sequence[str],
    origin: str,
) -> Row:
    ordered = sorted(records, key=run_key)
    runs = without_attack(ordered)
    metrics = aggregate(runs)
    warned_runs = {
        text: tuple(record.run_id for record in runs if text in record.warnings)
        for record in runs
        for text in record.warnings
    }
    return Row(
        spec=(runs or ordered)[0].spec,
        seeds=tuple(record.spec.seed for record in runs),
        target_seeds=tuple(run_key(record)[0] for record in runs),
        runs=tuple(record.run_id for record in runs),
        metrics=metrics,
        cost={name: mean_cost(runs, name) for name in COSTS},
        warnings=tuple(
            dict.fromkeys([*(f"{COLLAPSED}: {reason}" for reason in collapses), *warned_runs])
        ),
        warned_runs=warned_runs,
        attacks=attacked_rows(ordered, columns, metrics, aggregate),
        reference=row_of(ordered[0].spec.method, registry()),
        chosen=how_chosen(ordered[0]),
        origin=origin,
    )
