"""A sweep before it begins: its cells, which of them are done, and how long the rest will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import median

from unharness.errors import UsageError
from unharness.pipeline.existing import State, state_of
from unharness.pipeline.model_choice import ModelFinder
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.target import target_folder
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import Job


@dataclass(frozen=True)
class Cell:
    """One run of a sweep."""

    plan: RunPlan
    run_id: str
    label: str
    """Method, seed and hyperparameters; task and model where they vary."""
    state: State
    error: str | None
    """Why it failed before, if it did."""
    target: Path
    """Where its target model is, or will be: in the cache, or where the user has it."""
    records: Mapping[str, Path] = field(default_factory=dict)
    """By run id the lock of every record that it leaves."""

    def job(self) -> Job:
        """Return what an executor needs of it."""
        spec = self.plan.spec
        return Job(
            run_id=self.run_id,
            label=self.label,
            request=self.plan.request,
            device=spec.device,
            target=self.target,
            lock=RecordStore(spec.results).lock(spec),
            engine=f"{spec.model} {spec.base_hash} {spec.evaluation.engine} {spec.engine_set}",
            slow_engine=self.plan.engine_class.slow_start,
            results=Path(spec.results),
            records=self.records,
        )


@dataclass(frozen=True)
class SweepPlan:
    """The cells of a sweep, each once."""

    cells: tuple[Cell, ...]
    results: str
    run_ids: tuple[str, ...] = ()
    """Of every request, in their order; several may be one run."""

    @property
    def left(self) -> list[Cell]:
        """The cells that are not done."""
        return [cell for cell in self.cells if cell.state != "done"]

    @cached_property
    def missing_targets(self) -> dict[Path, Cell]:
        """The targets that must be trained, each with a cell that needs it."""
        return {cell.target: cell for cell in self.left if not cell.target.is_dir()}

    def notes(self) -> list[str]:
        """Return what to show before anything is run, each once."""
        return list(dict.fromkeys(note for cell in self.cells for note in cell.plan.notes))

    def estimate(self) -> tuple[float, int]:
        """Return the seconds one worker would need, and how many cells have no estimate."""
        past = RecordStore(self.results).readable()
        runs, targets = _past(item.record for item in past)
        total, unknown = 0.0, 0
        for cell in self.left:
            seconds = runs.get(_kind(cell.plan.spec))
            if seconds is None:
                unknown += 1
            else:
                total += seconds
        for cell in self.missing_targets.values():
            spec = cell.plan.spec
            total += targets.get((spec.task, spec.model), 0.0)
        return total, unknown

    def shard(self, index: int, count: int) -> SweepPlan:
        """Return the `index`-th of `count` parts, counted from 1; the parts hold every cell once.

        Which cells they are does not depend on what is done.
        """
        order = {run_id: at for at, run_id in enumerate(sorted(c.run_id for c in self.cells))}
        kept = tuple(cell for cell in self.cells if order[cell.run_id] % count == index - 1)
        return replace(self, cells=kept)


def plan_sweep(
    requests: Sequence[RunRequest], registry: Registry, progress: Progress | None = None
) -> SweepPlan:
    """Resolve every request, and look up what is done.

    Raises:
        UsageError, DataError, ModelError: a request cannot be resolved; nothing is run then.
        SchemaError: a record of another schema stands in the place of one.
    """
    if not requests:
        raise UsageError("the grid is empty: no method, task, model or seed is left")
    finder = ModelFinder(registry)
    plans: dict[tuple[str, str], RunPlan] = {}
    run_ids: list[str] = []
    with (progress or Progress()).stage("plan") as stage:
        for at, request in enumerate(requests):
            plan = resolve(request, registry, finder=finder)
            spec = plan.spec
            run_ids.append(spec.run_id())
            # A method without a seed: one run for all. One base model on two tasks: two.
            plans.setdefault((run_ids[-1], spec.evaluation_id()), plan)
            stage.step(at + 1, len(requests))
    first = next(iter(plans.values()))
    store = RecordStore(first.spec.results)
    found = []
    for (run_id, _), plan in plans.items():
        label = _label(plan, list(plans.values()))
        records = {row.spec.run_id(): store.lock(row.spec) for row in plan.rows_with_target}
        target = target_folder(plan)
        state, error = state_of(plan)
        found.append(Cell(plan, run_id, label, state, error, target, records))
    return SweepPlan(tuple(found), first.spec.results, tuple(run_ids))


def _label(plan: RunPlan, plans: Sequence[RunPlan]) -> str:
    """Return the method and seed, what was set, and task and model where a sweep has several."""
    spec = plan.spec
    parts = [spec.method]
    for name in ("task", "model"):
        if len({getattr(other.spec, name) for other in plans}) > 1:
            parts.append(getattr(spec, name))
    parts += [f"{name}={value}" for name, value in plan.request.hyperparameters().items()]
    if plan.method.seeded:
        parts.append(f"seed {spec.seed}")
    return " · ".join(parts)


def _kind(spec: object) -> tuple[str, str, str]:
    return tuple(getattr(spec, name) for name in ("task", "model", "method"))


def _past(
    records: Iterable[RunRecord],
) -> tuple[dict[tuple[str, str, str], float], dict[tuple[str, str], float]]:
    """Return the seconds of a run by task, model and method, and of a target by task and model."""
    runs: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    targets: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in records:
        if record.status != "done" or record.partial:
            continue
        stages = {
            name: seconds
            for name, seconds in record.cost.stages.items()
            if not name.startswith("train target")
        }
        runs[_kind(record.spec)].append(sum(stages.values()))
        if record.target and "seconds" in record.target.training:
            key = (record.spec.task, record.spec.model)
            targets[key].append(float(record.target.training["seconds"]))
    return (
        {key: median(values) for key, values in runs.items()},
        {key: median(values) for key, values in targets.items()},
    )
