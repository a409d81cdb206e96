"""One run under way: target, unlearning, observation, scores, record."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir, locked
from unharness.data.examples import REQUIRED_SPLITS
from unharness.engines.engine import Sampling
from unharness.errors import RecordError, UnharnessError
from unharness.evaluation.evaluate import example_rows, observe, score
from unharness.evaluation.metric import Score
from unharness.evaluation.observations import Observations
from unharness.models.lora import add_adapter, is_adapted, merged
from unharness.models.trained import FineTuner, TrainedModel
from unharness.models.weights import WeightsRef, parameter_counts, save_weights, weights_hash
from unharness.plugins import Registry
from unharness.progress import OnStep, Progress, Stage
from unharness.records.files import describe_file, write_json_lines
from unharness.records.record import CostRecord, RunRecord, TrainingRecord
from unharness.records.store import EXAMPLES_FILE, RECORD_FILE, WEIGHTS_FOLDER, RecordStore
from unharness.running.clock import PrefixedProgress, TimedProgress
from unharness.running.memory import PeakMemory
from unharness.running.parts import (
    count_unscored,
    data_record,
    explained,
    metric_records,
    row_warnings,
    target_record,
    utc_now,
)
from unharness.running.provenance import provenance
from unharness.running.resolve import VANILLA, Plan
from unharness.training.log import TrainingLog
from unharness.unlearning.job import UnlearnJob


def lock_of(plan: Plan) -> Path:
    """Return the lock that a run holds while it is under way."""
    return cache_dir() / "locks" / f"{plan.spec.run_id()}.lock"


def finished(store: RecordStore, plan: Plan) -> RunRecord | None:
    """Return the record of a run that is done, with its weights if they are wanted."""
    try:
        record = store.find(plan.spec)
    except RecordError:
        return None
    if record is None or record.status != "done":
        return None
    if plan.spec.save_weights and "weights" not in record.artifacts:
        return None
    return record


@dataclass
class RunUnderWay:
    """One run under way."""

    plan: Plan
    registry: Registry
    progress: Progress
    store: RecordStore
    target: TrainedModel | None = None
    """The target model, where it is in hand already."""
    clock: dict[str, float] = field(default_factory=dict)

    def carry_out(self) -> RunRecord:
        """Run, and leave a record, be it of success or of failure; of an interruption, none."""
        plan = self.plan
        record = RunRecord(
            run_id=plan.spec.run_id(),
            status="running",
            partial=plan.spec.limit is not None,
            started=utc_now(),
            spec=plan.spec,
            passed=plan.request.model_dump(mode="json", exclude_unset=True),
            data=data_record(plan),
            provenance=provenance(self.registry, plan.spec.device),
        )
        replaces = self._set_aside_unreadable()
        record.warnings += self.registry.notify("unharness_run_started", spec=plan.spec)
        if not replaces:
            self.store.save(record)
        try:
            self._work(record)
        except Exception as error:
            self._fail(record, error, keep_old=replaces)
            if isinstance(error, UnharnessError):
                raise
            raise explained(error) from error
        except BaseException:  # Ctrl-C: leave no half record, and never harm a finished one
            if not replaces:
                self.store.discard(plan.spec)
            raise
        record.warnings += self.registry.notify("unharness_run_finished", record=record)
        return record

    def _work(self, record: RunRecord) -> None:
        plan = self.plan
        target = self.target or self._train_target()
        target_hash = weights_hash(target.model)
        record.target = target_record(plan, target, target_hash)
        record.data = data_record(plan, target.log.get("truncated", 0))
        if plan.method.name != VANILLA:
            self._leave_vanilla(target)
        job = self._unlearn(target, record)
        weights = WeightsRef(job.model, job.tokenizer)
        observations, scores = _evaluate(plan, self.registry, self._timed_progress(), weights)
        record.metrics = metric_records(plan.metrics, scores)
        count_unscored(record, observations)
        record.warnings += row_warnings(plan, record, observations)
        self._save(record, observations, scores, weights)

    def _train_target(self) -> TrainedModel:
        return self._fine_tuner().trained(
            REQUIRED_SPLITS, self.plan.recipe, f"train target ({self.plan.base.name})"
        )

    def _fine_tuner(self) -> FineTuner:
        plan = self.plan
        return FineTuner(
            plan.base,
            plan.data,
            plan.spec.target_tuning,
            plan.lora,
            plan.place,
            self._timed_progress(),
        )

    def _leave_vanilla(self, target: TrainedModel) -> None:
        """Record the target itself, once, as the row that all others are compared with."""
        vanilla = self.plan.vanilla(self.registry)
        if finished(self.store, vanilla):
            return
        with locked(lock_of(vanilla), self.progress.note):
            if not finished(self.store, vanilla):
                progress = PrefixedProgress(self.progress, "target: ")
                RunUnderWay(vanilla, self.registry, progress, self.store, target).carry_out()

    def _unlearn(self, target: TrainedModel, record: RunRecord) -> UnlearnJob:
        plan = self.plan
        model = target.model
        if plan.spec.tuning == "lora" and not is_adapted(model):
            model = add_adapter(model, plan.lora, plan.spec.seed)
        trainable, total = parameter_counts(model)
        job = UnlearnJob(
            model=model,
            tokenizer=target.tokenizer,
            data=plan.data,
            seed=plan.spec.seed,
            max_length=plan.place.max_length,
            device=plan.place.device,
            retrain=lambda splits, seed: self._retrain(job, splits, seed),
        )
        assert record.target is not None
        record.training = TrainingRecord(trainable_parameters=trainable, total_parameters=total)
        # Hashing a large model takes seconds; the target's hash is known.
        fresh = model is not target.model
        before = weights_hash(model) if fresh else record.target.weights_hash
        peak = PeakMemory(plan.spec.device)
        started = time.perf_counter()
        try:
            with self._timed_progress().stage(f"unlearn ({plan.method.name})") as stage:
                job.on_step, job.on_progress = self._on_step(stage, record), stage.step
                plan.method.unlearn(job)
        finally:
            seconds = time.perf_counter() - started
            self._note_training(record, job, seconds, peak.gigabytes())
        job.model.eval()
        record.training.weights_hash = weights_hash(job.model)
        if plan.method.trains and record.training.weights_hash == before:
            record.warnings.append("the weights did not change")
        return job

    def _note_training(
        self, record: RunRecord, job: UnlearnJob, seconds: float, peak: float
    ) -> None:
        training = record.training
        assert training is not None
        training.steps, training.examples = job.log.steps, job.log.examples
        training.tokens, training.losses = job.log.tokens, job.log.losses
        training.report = job.report
        record.seeds = {"seed": self.plan.spec.seed, **job.derived_seeds}
        assert record.data is not None
        record.data.truncated |= job.truncated
        if not self.plan.method.trains:
            record.cost = CostRecord()
            return
        log = job.log
        record.cost = CostRecord(
            # A retrained model may come from the cache; what it cost is what its training took.
            train_seconds=max(seconds, log.seconds),
            seconds_per_step=log.seconds / log.steps if log.steps else None,
            tokens_per_second=log.tokens / log.seconds if log.seconds else None,
            peak_memory_gb=peak,
            trainable_parameters=log.moved_parameters or training.trainable_parameters,
        )

    def _retrain(self, job: UnlearnJob, splits: Sequence[str], seed: int) -> Any:
        recipe = self.plan.recipe.model_copy(update={"seed": seed})
        trained = self._fine_tuner().trained(splits, recipe, f"train on {' + '.join(splits)}")
        names = {entry.name for entry in fields(TrainingLog)}
        job.log = TrainingLog(**{key: trained.log[key] for key in names})
        return trained.model

    def _on_step(self, stage: Stage, record: RunRecord) -> OnStep:
        def on_step(done: int, total: int, values: dict[str, float]) -> None:
            stage.step(done, total, values)
            for problem in self.registry.notify(
                "unharness_step", run_id=record.run_id, step=done, values=values
            ):
                if problem not in record.warnings:
                    record.warnings.append(problem)

        return on_step

    def _save(
        self,
        record: RunRecord,
        observations: Observations,
        scores: Mapping[str, Score],
        weights: WeightsRef,
    ) -> None:
        folder = self.store.folder(self.plan.spec)
        with self._timed_progress().stage("save"):
            try:
                write_json_lines(folder / EXAMPLES_FILE, example_rows(observations, scores))
                record.artifacts["examples"] = describe_file(folder / EXAMPLES_FILE, folder)
                if self.plan.spec.save_weights:
                    if self.plan.spec.target_tuning == "full":
                        # A fresh adapter fits a target that only this cache knows.
                        weights = WeightsRef(merged(weights.model), weights.tokenizer)
                    record.artifacts["weights"] = _save_weights(weights, folder)
            except OSError as error:
                raise RecordError(f"{folder}: the record cannot be written ({error})") from error
        record.cost.stages = dict(self.clock)
        record.status = "done"
        record.finished = utc_now()
        self.store.save(record)

    def _fail(self, record: RunRecord, error: Exception, *, keep_old: bool) -> None:
        """Leave a record that says why, unless a finished one stands in its place."""
        record.status = "failed"
        record.error = f"{type(error).__name__}: {error}"
        record.finished = utc_now()
        record.metrics = {}
        record.cost.stages = dict(self.clock)
        if keep_old:
            return
        try:
            self.store.save(record)
        except RecordError:
            return  # the disk is full, say: the error itself is what the user must hear
        self.registry.notify("unharness_run_finished", record=record)

    def _set_aside_unreadable(self) -> bool:
        """Return whether a finished record stands there; move away one that cannot be read."""
        path = self.store.folder(self.plan.spec) / RECORD_FILE
        try:
            existing = self.store.find(self.plan.spec)
        except RecordError:
            aside = path.with_name(f"{RECORD_FILE}.unreadable-{int(time.time())}")
            path.rename(aside)
            self.progress.note(f"{path} cannot be read; it now lies at {aside.name}")
            return False
        return existing is not None and existing.status == "done"

    def _timed_progress(self) -> Progress:
        return TimedProgress(self.progress, self.clock)


def _evaluate(
    plan: Plan, registry: Registry, progress: Progress, weights: WeightsRef
) -> tuple[Observations, dict[str, Score]]:
    settings = plan.spec.evaluation
    engine = registry.get("engines", settings.engine)()
    try:
        observations = observe(
            weights,
            plan.data,
            plan.metrics,
            engine,
            max_length=settings.max_length,
            sampling=Sampling(settings.max_new_tokens),
            bootstrap_seed=settings.bootstrap_seed,
            progress=progress,
        )
    finally:
        engine.close()
    with progress.stage("metrics"):
        return observations, score(plan.metrics, observations)


def _save_weights(weights: WeightsRef, folder: Path) -> dict[str, Any]:
    """Write weights into a folder that appears whole."""
    scratch = folder / f".{WEIGHTS_FOLDER}-new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    target = folder / WEIGHTS_FOLDER
    try:
        save_weights(weights.model, weights.tokenizer, scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    kind = "adapter" if is_adapted(weights.model) else "full"
    return {"path": WEIGHTS_FOLDER, "kind": kind, "sha256": weights_hash(weights.model)}
