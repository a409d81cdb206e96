"""The parts of a record, made from what a run has in hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from unharness.errors import MethodError, UnharnessError
from unharness.evaluation.evaluate import most_common_share
from unharness.evaluation.metric import Metric, Score
from unharness.evaluation.observations import Observations
from unharness.models.trained import TrainedModel
from unharness.records.record import DataRecord, MetricRecord, RunRecord, TargetRecord
from unharness.running.resolve import Plan

COLLAPSED_RETENTION = 10.0
"""In %: below this retention success a model counts as collapsed."""
LEARNED_SHARE = 0.8
"""A target that predicts less of its answer tokens, without a prompt, has not learned them."""
TARGET_UNLEARNED = "the target model never learned its facts"
COLLAPSED_SHARE = 0.5
"""Above this share of equal answers to the retain set a model counts as collapsed."""


def metric_records(
    metrics: tuple[Metric, ...], scores: Mapping[str, Score]
) -> dict[str, MetricRecord]:
    """Return each metric's score as the record holds it."""
    records = {}
    for metric in metrics:
        found = scores[metric.name]
        records[metric.name] = MetricRecord(
            value=found.value,
            ci95=found.ci95,
            stderr=found.stderr,
            n=found.n,
            n_unscored=found.n_unscored,
            unit=metric.unit,
            direction=metric.direction,
            status=found.reason or "ok",
        )
    return records


def suite_records(scores: Mapping[str, Score]) -> dict[str, MetricRecord]:
    """Return a suite's scores as the record holds them."""
    return {
        name: MetricRecord(
            value=found.value,
            ci95=found.ci95,
            stderr=found.stderr,
            n=found.n,
            n_unscored=found.n_unscored,
            unit="%",
            direction="higher",
            status=found.reason or "ok",
        )
        for name, found in scores.items()
    }


def target_warnings(observations: Observations) -> list[str]:
    """Say on which splits the target model predicts too little to have learned its facts."""
    found = []
    for split, seen in observations.splits.items():
        hits = [hit for row in seen.token_scores or () if row for hit in row.hits]
        if hits and sum(hits) < LEARNED_SHARE * len(hits):
            share = 100 * sum(hits) / len(hits)
            found.append(
                f"{TARGET_UNLEARNED}: it predicts {share:.1f}% of the answer tokens of {split}; "
                "what is measured here says little about unlearning"
            )
    return found


def row_warnings(plan: Plan, record: RunRecord, observations: Observations) -> list[str]:
    """Say what makes a row look better or worse than it is."""
    found = []
    if any(text.startswith(TARGET_UNLEARNED) for text in record.warnings):
        return _cut_warnings(plan, record)  # a collapse cannot be told from an untrained target
    retention = record.metrics.get("retention_success")
    if retention and retention.value is not None and retention.value < COLLAPSED_RETENTION:
        found.append(f"the model has collapsed: retention success is {retention.value:.1f}%")
    # Of the retain set: to the forget set, one refusal for all is no collapse.
    share, text = most_common_share(observations, "retain_eval")
    if share > COLLAPSED_SHARE:
        found.append(
            f"the model has collapsed: {100 * share:.0f}% of its answers to the retain set are "
            f"{text[:40]!r}"
        )
    return found + _cut_warnings(plan, record)


def _cut_warnings(plan: Plan, record: RunRecord) -> list[str]:
    assert record.data is not None
    cut = {name: count for name, count in record.data.truncated.items() if count}
    if not cut:
        return []
    counts = ", ".join(f"{count} of {name}" for name, count in cut.items())
    return [f"longer than {plan.spec.evaluation.max_length} tokens, scored up to there: {counts}"]


def count_unscored(record: RunRecord, observations: Observations) -> None:
    """Count the evaluated examples whose answers go on beyond the maximum length."""
    assert record.data is not None
    for split, seen in observations.splits.items():
        rows = seen.token_scores or ()
        cut = sum(row is None or row.truncated for row in rows)
        if cut:
            record.data.truncated[split] = cut


def data_record(plan: Plan, truncated: int = 0) -> DataRecord:
    """Return what the record says of the data."""
    data = plan.data_with_general()
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


def target_record(plan: Plan, target: TrainedModel, target_hash: str) -> TargetRecord:
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
