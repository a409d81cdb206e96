"""One run under way: target, unlearning, observation, scores, record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from unharness.cache import locked
from unharness.engines.engine import Engine
from unharness.errors import RecordError, SchemaError, UnharnessError, reason_of
from unharness.evaluation import storage
from unharness.evaluation.answers import answers_record
from unharness.evaluation.example_numbers import example_numbers
from unharness.evaluation.general import SuiteResult, run_suite
from unharness.evaluation.metric import Score
from unharness.evaluation.metric_records import metric_records, suite_records
from unharness.evaluation.scoring import Observations, example_rows, score
from unharness.models.lora import is_adapted, merged
from unharness.models.trained import TrainedModel
from unharness.models.weights import WeightsRef, save_weights, weights_hash
from unharness.pipeline.clock import PrefixedProgress, TimedProgress
from unharness.pipeline.engine_pool import EnginePool
from unharness.pipeline.existing import finished
from unharness.pipeline.method_choice import require_model
from unharness.pipeline.provenance import provenance
from unharness.pipeline.record_builder import (
    TARGET_UNLEARNED,
    count_unscored,
    data_record,
    explained,
    ranking_record,
    row_warnings,
    target_record,
    target_warnings,
    utc_now,
)
from unharness.pipeline.reference_models import reference_models
from unharness.pipeline.reference_observations import reference_observations
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.settings import beyond_positions
from unharness.pipeline.stages.attack import attacked_model
from unharness.pipeline.stages.observe import observations_of
from unharness.pipeline.stages.plugin_result import wrapper_from
from unharness.pipeline.stages.target import target_model
from unharness.pipeline.stages.unlearn import unlearned_model
from unharness.progress import Progress
from unharness.records.artifacts import (
    write_examples,
    write_observations,
    write_per_example,
    write_weights,
)
from unharness.records.per_example import NAME as PER_EXAMPLE
from unharness.records.per_example import PerExample
from unharness.records.record import RunRecord
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.records.store import RECORD_FILE, RecordStore
from unharness.reference_rows import row_of
from unharness.registry import Registry
from unharness.training.update_norms import never_moved


@dataclass(frozen=True)
class Unlearned:
    """Weights that are done, and the record of how they came to be, not yet evaluated."""

    weights: WeightsRef
    record: RunRecord
    general: SuiteResult | None = None
    """What they know in general, once it was measured."""


@dataclass
class Runner:
    """One run under way."""

    plan: RunPlan
    registry: Registry
    progress: Progress
    store: RecordStore
    engines: EnginePool
    target: TrainedModel | None = None
    """The target model, where it is in hand already."""
    unlearned: Unlearned | None = None
    """The unlearned weights, where they are in hand already; set once they are made."""
    clock: dict[str, float] = field(default_factory=dict)

    def run(self) -> RunRecord:
        """Run, and leave a record, be it of success or of failure; of an interruption, none."""
        plan = self.plan
        record = RunRecord(
            run_id=plan.spec.run_id(),
            identity_version=IDENTITY_VERSION,
            status="running",
            partial=plan.partial,
            started=utc_now(),
            spec=plan.spec,
            passed=plan.request.model_dump(mode="json", exclude_unset=True, exclude={"log"}),
            data=data_record(plan),
            ranking=ranking_record(plan.task, self.registry),
            provenance=provenance(self.registry, plan.spec.device),
        )
        self.store.tidy(plan.spec)
        old = self._existing()
        # What would be lost stands until there is a new record: results, or weights that took
        # hours and whose evaluation failed.
        keeps = old is not None and (old.status == "done" or "weights" in old.artifacts)
        done = old is not None and old.status == "done"
        record.warnings += self.registry.notify("unharness_run_started", spec=plan.spec)
        if not keeps:
            self.store.save(record)
        try:
            self._work(record, keep_old=done)
        except Exception as error:
            self._fail(record, error, keep_old=done)
            if isinstance(error, UnharnessError):
                raise
            raise explained(error) from error
        except BaseException:  # Ctrl-C: leave no unfinished record, and keep a finished one
            if keeps:
                self.store.tidy(plan.spec)
            else:
                self.store.discard(plan.spec)
            raise
        record.warnings += self.registry.notify("unharness_run_finished", record=record)
        return record

    def _work(self, record: RunRecord, *, keep_old: bool) -> None:
        plan = self.plan
        if self.unlearned is None:
            self.unlearned = self._unlearn(record)
        else:
            _take_over(record, self.unlearned.record)
        unlearned = self.unlearned.weights
        progress = self._timed_progress()
        try:
            weights = attacked_model(plan, self.registry, progress, unlearned, record)
            engine = self.engines.get(plan.spec.evaluation.engine, plan.spec.engine_set)
            models = reference_models(plan, record)
            observations = observations_of(plan, self.registry, progress, weights, engine, models)
            general = self._general(weights, engine)
            chosen = {"name": plan.spec.evaluation.engine, "why": plan.engine_reason}
            record.engine = chosen | engine.facts()
            with progress.stage("metrics"):
                references = reference_observations(
                    plan.columns, record, observations, self.store, self.registry
                )
                measured = general.scores if general else None
                scores = score(plan.columns, observations, self.registry, references, measured)
        except Exception:
            if not keep_old:
                self._keep_weights(record, unlearned)
            raise
        record.metrics = metric_records(plan.columns, scores)
        if general:
            record.metrics |= suite_records(general)
            record.general = general.facts
        record.answers = answers_record(observations)
        count_unscored(record, observations)
        if self._is_target_row and not plan.chain.attacks:
            record.warnings += target_warnings(observations)
        record.warnings += row_warnings(plan, record, observations)
        record.warnings += [found.reason for found in scores.values() if found.faulty]
        numbers = example_numbers(observations, scores)
        if general:
            numbers = {**numbers, **general.numbers}
        self._save(record, observations, scores, numbers, unlearned)

    def _unlearn(self, record: RunRecord) -> Unlearned:
        plan, progress = self.plan, self._timed_progress()
        plan.base.prepare(progress)
        with self.registry.named("methods", plan.method.name):
            require_model(plan.method, plan.base, plan.data)
        target = self.target or target_model(plan, progress)
        record.target = target_record(plan, target, weights_hash(target.model))
        record.warnings += never_moved(
            target.log.get("update_norms", {}), training="target", except_for=set()
        )
        record.warnings += beyond_positions(plan.place.max_length, target.model.config)
        record.data = data_record(plan, target.log.get("truncated", 0))
        if not self._is_target_row:
            for one in plan.rows:
                assert one.target_row is not None
                row = self._leave_target_row(one.target_row, target)
                record.warnings += [
                    text for text in row.warnings if text.startswith(TARGET_UNLEARNED)
                ]
        self.engines.release_memory()
        model = unlearned_model(plan, self.registry, progress, target, record)
        kept = record.training.wrapper if record.training else None
        wrapper = wrapper_from(plan.method, kept, record.run_id)
        weights = WeightsRef(model, target.tokenizer, wrapper)
        return Unlearned(weights, record.model_copy(deep=True))

    def _leave_target_row(self, row: RunPlan, target: TrainedModel) -> RunRecord:
        """Record the target itself, once, as the row that all others are compared with."""
        if found := finished(self.store, row):
            return found
        with locked(self.store.lock(row.spec), self.progress.note):
            if found := finished(self.store, row):
                return found
            progress = PrefixedProgress(self.progress, "target: ")
            under_way = Runner(row, self.registry, progress, self.store, self.engines, target)
            return under_way.run()

    def _general(self, weights: WeightsRef, engine: Engine) -> SuiteResult | None:
        """Return what the model knows in general; measured once for the same weights.

        Attacks that change no weights, such as a prompt, are not part of it.
        """
        plan = self.plan
        if plan.suite is None:
            return None
        assert self.unlearned is not None
        own = self.unlearned
        changed = plan.chain.changes_weights
        if own.general is not None and not changed:
            return own.general
        asked = replace(weights, wrapper=None if changed else own.weights.wrapper)
        progress = self._timed_progress()
        found = run_suite(asked, plan.suite, engine, progress=progress)
        if not changed:
            self.unlearned = replace(own, general=found)
        return found

    def _save(
        self,
        record: RunRecord,
        observations: Observations,
        scores: Mapping[str, Score],
        numbers: PerExample,
        weights: WeightsRef,
    ) -> None:
        folder = self.store.folder(self.plan.spec)
        with self._timed_progress().stage("save"):
            try:
                rows = example_rows(observations, scores)
                record.artifacts["examples"] = write_examples(folder, rows)
                record.artifacts[PER_EXAMPLE] = write_per_example(folder, numbers)
                record.artifacts["observations"] = write_observations(
                    folder, partial(storage.write_observations, observations)
                )
                if self.plan.spec.save_weights:
                    record.artifacts["weights"] = _save_weights(self.plan, weights, folder)
            except OSError as error:
                raise RecordError(f"{folder}: the record cannot be written ({error})") from error
        record.cost.stages = dict(self.clock)
        record.status = "done"
        record.finished = utc_now()
        self.store.save(record)
        self.store.tidy(self.plan.spec)

    def _keep_weights(self, record: RunRecord, weights: WeightsRef) -> None:
        """Keep the weights where the evaluation failed: `unharness evaluate` resumes from them."""
        if not self.plan.method.trains:
            return
        folder = self.store.folder(self.plan.spec)
        try:
            record.artifacts["weights"] = _save_weights(self.plan, weights, folder)
        except (OSError, UnharnessError):
            return  # the error that is under way says more
        self.progress.note(
            f"the unlearned weights are kept; go on with: unharness evaluate {record.run_id}"
        )

    def _fail(self, record: RunRecord, error: Exception, *, keep_old: bool) -> None:
        """Leave a record that says why, unless a finished one stands in its place."""
        record.status = "failed"
        record.error = reason_of(error)
        record.finished = utc_now()
        record.metrics = {}
        for name in ("examples", PER_EXAMPLE, "observations"):
            record.artifacts.pop(name, None)
        record.cost.stages = dict(self.clock)
        try:
            if not keep_old:
                self.store.save(record)
        except RecordError:
            return  # the disk is full, say: the first error is the one to report
        finally:
            self.store.tidy(self.plan.spec)
        if keep_old:
            return
        self.registry.notify("unharness_run_finished", record=record)

    def _existing(self) -> RunRecord | None:
        """Return the record that stands there; move away one that cannot be read."""
        path = self.store.folder(self.plan.spec) / RECORD_FILE
        try:
            return self.store.find(self.plan.spec)
        except SchemaError:  # another version's work: never in our way, never moved
            raise
        except RecordError:
            aside = path.with_name(f"{RECORD_FILE}.unreadable-{int(time.time())}")
            path.rename(aside)
            self.progress.note(f"{path} cannot be read; it now lies at {aside.name}")
            return None

    @property
    def _is_target_row(self) -> bool:
        return row_of(self.plan.method.name, self.registry) == "target"

    def _timed_progress(self) -> Progress:
        return TimedProgress(self.progress, self.clock)


def _take_over(record: RunRecord, made: RunRecord) -> None:
    """Let a record say of its weights what another one says of the same."""
    copy = made.model_copy(deep=True)
    record.target, record.training, record.data = copy.target, copy.training, copy.data
    record.cost, record.seeds = copy.cost, copy.seeds
    record.warnings += [text for text in copy.warnings if text not in record.warnings]


def _save_weights(plan: RunPlan, weights: WeightsRef, folder: Path) -> dict[str, Any]:
    """Write weights beside a record; return what the record says of them."""
    if plan.spec.target_tuning == "full":
        # A fresh adapter fits a target that only this cache knows.
        weights = replace(weights, model=merged(weights.model))
    written = write_weights(
        folder, lambda scratch: save_weights(weights.model, weights.tokenizer, scratch)
    )
    kind = "adapter" if is_adapted(weights.model) else "full"
    return {"kind": kind, "sha256": weights_hash(weights.model)} | written
