"""run.json: one run, and every way in which its model was evaluated.

A run is made once; each evaluation of it (another engine, limit, or suite) is an entry of its
own. Elsewhere a record is one evaluation together with what it shares with the others.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from unharness.records.record import (
    SCHEMA_VERSION,
    AnswersRecord,
    AttackRecord,
    CostRecord,
    DataRecord,
    MetricRecord,
    RankingRecord,
    RecordPart,
    RunRecord,
    Status,
    TargetRecord,
    TrainingRecord,
)
from unharness.records.stage_specs import AttackSpec, RuntimeFacts

_OWN = (
    *("status", "partial", "started", "finished", "passed", "data", "metrics", "ranking"),
    *("answers", "engine", "general", "provenance", "artifacts", "warnings", "error"),
)
_MADE = ("target", "training", "attacks", "cost", "seeds")
_SHARED = ("run_id", "identity_version", "target", "training", "attacks", "seeds")


class EvaluationRecord(RecordPart):
    """One evaluation of a run's model."""

    status: Status
    partial: bool = False
    started: str
    finished: str | None = None
    observe: dict[str, Any]
    """The ObserveSpec, without what is evaluated."""
    score: dict[str, Any]
    """The ScoreSpec, without what is observed."""
    runtime: RuntimeFacts
    passed: dict[str, Any] = Field(default_factory=dict)
    data: DataRecord | None = None
    metrics: dict[str, MetricRecord] = Field(default_factory=dict)
    ranking: RankingRecord | None = None
    answers: dict[str, AnswersRecord] = Field(default_factory=dict)
    engine: dict[str, Any] | None = None
    general: dict[str, Any] | None = None
    stages: dict[str, float] = Field(default_factory=dict)
    """Wall-clock seconds by stage."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    error: str | None = None


class RunFile(RecordPart):
    """The content of run.json."""

    schema_version: Literal[2] = SCHEMA_VERSION
    run_id: str
    """Hash of `attacked`."""
    identity_version: int
    attacked: AttackSpec
    """What decides the evaluated model: target, method, attacks."""
    target: TargetRecord | None = None
    training: TrainingRecord | None = None
    attacks: list[AttackRecord] = Field(default_factory=list)
    cost: CostRecord = Field(default_factory=CostRecord)
    """Of the unlearning; the seconds of its stages are with the evaluations."""
    seeds: dict[str, int] = Field(default_factory=dict)
    evaluations: dict[str, EvaluationRecord]
    """By the hash of how the model was observed."""

    def records(self) -> list[RunRecord]:
        """Return a record for each evaluation.

        Raises:
            pydantic.ValidationError: an entry's spec is not one.
        """
        return [self._record(one) for one in self.evaluations.values()]

    def with_record(self, record: RunRecord) -> RunFile:
        """Return the file with one evaluation added, or put in place of the one like it."""
        newer = file_of(record)
        if record.target is None:  # a run that failed early says nothing of what it shares
            newer = newer.model_copy(update={name: getattr(self, name) for name in _MADE})
        return newer.model_copy(update={"evaluations": self.evaluations | newer.evaluations})

    def without(self, evaluation_id: str) -> RunFile | None:
        """Return the file without one evaluation; None if no other is left."""
        left = {key: one for key, one in self.evaluations.items() if key != evaluation_id}
        return self.model_copy(update={"evaluations": left}) if left else None

    def _record(self, one: EvaluationRecord) -> RunRecord:
        observe = {"attacked": self.attacked, **one.observe}
        values: dict[str, Any] = {name: getattr(one, name) for name in _OWN}
        values |= {name: getattr(self, name) for name in _SHARED}
        cost = self.cost.model_copy(update={"stages": one.stages})
        spec = {"score": {"observe": observe, **one.score}, "runtime": one.runtime}
        return RunRecord.model_validate({**values, "spec": spec, "cost": cost})


def file_of(record: RunRecord) -> RunFile:
    """Return a file with one evaluation."""
    spec = record.spec
    own = {name: getattr(record, name) for name in _OWN}
    entry = EvaluationRecord(
        **own,
        observe=spec.observe.model_dump(mode="json", exclude={"attacked"}),
        score=spec.score.model_dump(mode="json", exclude={"observe"}),
        runtime=spec.runtime,
        stages=record.cost.stages,
    )
    return RunFile(
        **{name: getattr(record, name) for name in _SHARED},
        attacked=spec.attacked,
        cost=record.cost.model_copy(update={"stages": {}}),
        evaluations={spec.evaluation_id(): entry},
    )
