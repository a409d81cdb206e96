"""An executor that trains nothing: it leaves records with invented numbers."""

from unharness import Executor
from unharness.evaluation.metric import Score
from unharness.evaluation.metric_records import metric_records
from unharness.pipeline.resolve import resolve
from unharness.records.artifacts import write_per_example
from unharness.records.per_example import NAME
from unharness.records.record import CostRecord, RunRecord, TrainingRecord
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.records.store import RecordStore
from unharness.sweeps.executors.executor import JobResult

STEPS, TOKENS = 10, 1000


class Invented(Executor):
    """Leaves records at once.

    Args:
        registry: knows the plugins.
        value: (request) -> the headline's value, or None for a run that fails.
        numbers: (request, data) -> the numbers of the run's examples, if it leaves some.
        die_after: so many jobs in all, then the process is interrupted.
    """

    name, summary = "invented", "Trains nothing."

    def __init__(self, registry, value, die_after=None, numbers=None):
        super().__init__()
        self.registry, self.value, self.left = registry, value, die_after
        self.numbers = numbers
        self.requests = []

    def run(self, jobs, observer):
        return [self._run(job) for job in jobs]

    def _run(self, job):
        if self.left is not None:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
        self.requests.append(job.request)
        value = self.value(job.request)
        if value is None:
            return JobResult(job.run_id, "failed", 2.0, error="out of memory")
        plan = resolve(job.request, self.registry)
        spec = plan.spec
        label = self.registry.get("tasks", spec.task).headline
        scores = {column.label: Score(1.0, 1) for column in plan.columns}
        metrics = metric_records(plan.columns, {**scores, label: Score(value, 1)})
        record = RunRecord(
            run_id=job.run_id,
            identity_version=IDENTITY_VERSION,
            status="done",
            started="2026-01-01T00:00:00Z",
            spec=spec,
            metrics=metrics,
            training=TrainingRecord(steps=STEPS, examples=5 * STEPS, tokens=TOKENS),
            cost=CostRecord(train_seconds=3.0, stages={"train target": 50.0, "unlearn": 4.0}),
        )
        store = RecordStore(job.results)
        if self.numbers:
            folder = store.folder(spec)
            folder.mkdir(parents=True, exist_ok=True)
            numbers = self.numbers(job.request, plan.data)
            record.artifacts[NAME] = write_per_example(folder, numbers)
        store.save(record)
        return JobResult(job.run_id, "done", 4.0, value)
