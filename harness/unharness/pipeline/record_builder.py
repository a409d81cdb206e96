"""The parts of a record, made from what a run has in hand."""

from __future__ import annotations

from datetime import UTC, datetime

from unharness.data.task import Task
from unharness.errors import MethodError, UnharnessError
from unharness.evaluation.answers import answer_warnings, own_answers
from unharness.evaluation.scoring import Observations
from unharness.models.trained import TrainedModel
from unharness.pipeline.run_plan import RunPlan
from unharness.records.record import DataRecord, RankingRecord, RunRecord, TargetRecord
from unharness.registry import Registry

LEARNED_SHARE = 0.8
"""A target that predicts less of its answer tokens, without a prompt, has not learned them."""
TARGET_UNLEARNED = "the target model never learned its facts"


def target_warnings(observations: Observations) -> list[str]:
    """Say of which learned splits the target model predicts too little to have learned them."""
    found = []
    for name, split in observations.splits.items():
        rows = own_answers(observations, name)
        hits = [hit for row in rows if row for hit in row.hits]
        if split.learned and hits and sum(hits) < LEARNED_SHARE * len(hits):
            share = 100 * sum(hits) / len(hits)
            found.append(
                f"{TARGET_UNLEARNED}: it predicts {share:.1f}% of the answer tokens of {name}; "
                "what is measured here says little about unlearning"
            )
    return found


def row_warnings(plan: RunPlan, record: RunRecord, observations: Observations) -> list[str]:
    """Say what makes a row look better or worse than it is."""
    if any(text.startswith(TARGET_UNLEARNED) for text in record.warnings):
        # Loops of the target's own are no fault of the method.
        return [*plan.data.origin.notes, *_cut_warnings(plan, record)]
    own = answer_warnings(observations)
    return [*plan.data.origin.notes, *own, *_cut_warnings(plan, record)]


def _cut_warnings(plan: RunPlan, record: RunRecord) -> list[str]:
    assert record.data is not None
    cut = {name: count for name, count in record.data.truncated.items() if count}
    if not cut:
        return []
    counts = ", ".join(f"{count} of {name}" for name, count in cut.items())
    return [f"longer than {plan.spec.evaluation.max_length} tokens, scored up to there: {counts}"]


def count_unscored(record: RunRecord, observations: Observations) -> None:
    """Count the evaluated examples whose answers go on beyond the maximum length."""
    assert record.data is not None
    for split in observations.splits:
        rows = own_answers(observations, split)
        examples = observations.splits[split].examples if rows else ()
        cut = sum(
            row.truncated if row else bool(example.answer.strip())
            for row, example in zip(rows, examples, strict=True)
        )
        if cut:
            record.data.truncated[split] = cut


def data_record(plan: RunPlan, truncated: int = 0) -> DataRecord:
    """Return what the record says of the data."""
    data = plan.data_with_general
    hashes = data.split_hashes()
    return DataRecord(
        source=plan.data.origin.source,
        description=plan.data.origin.description,
        revision=plan.data.origin.revision or None,
        fallback=plan.data.origin.fallback or None,
        general=plan.general.description if plan.general else None,
        hash=plan.spec.data_hash,
        splits={
            name: {"n": len(split), "hash": hashes[name], "role": split.role}
            for name, split in data.splits.items()
        },
        truncated={"target training": truncated} if truncated else {},
    )


def ranking_record(task: Task, registry: Registry) -> RankingRecord:
    """Return which columns the task ranks and plots by.

    Raises:
        PluginError: what it says are no labels.
    """
    with registry.named("tasks", task.name):
        return RankingRecord.of(task)


def target_record(plan: RunPlan, target: TrainedModel, target_hash: str) -> TargetRecord:
    """Return what the record says of the target model."""
    if plan.given:
        return TargetRecord(
            weights_hash=target_hash,
            tuning=plan.spec.target_tuning,
            cached=True,
            training={},
            source="given",
            given=plan.given.weights.given,
            revision=plan.given.weights.revision,
        )
    log = target.log
    facts = {name: log[name] for name in ("steps", "examples", "tokens", "seconds", "truncated")}
    facts["last_loss"] = log["losses"][-1] if log["losses"] else None
    if resumed := log.get("resumed_at"):
        facts["resumed_at"] = resumed
    return TargetRecord(
        weights_hash=target_hash,
        tuning=plan.spec.target_tuning,
        cached=target.cached,
        training=facts,
    )


def explained(error: Exception) -> UnharnessError:
    """Turn what a method or a library raised into one line; the cause stays chained."""
    text = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return MethodError(f"the run failed: {reason} (--debug shows where)")


def utc_now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
