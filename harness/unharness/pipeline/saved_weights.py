"""Evaluating weights without training: those of an interrupted run, or external ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unharness.data.named_task import make_task
from unharness.data.published_models import PUBLISHED
from unharness.defaults import TASK
from unharness.errors import ModelError, RecordError, UsageError
from unharness.evaluation.suite import NONE
from unharness.models.external import ExternalWeights, find_weights
from unharness.models.loading import load_causal_lm
from unharness.models.lora import load_adapter
from unharness.models.weights import WeightsRef, parameter_counts, weights_hash
from unharness.pipeline.published_weights import published_models
from unharness.pipeline.record_builder import data_record, utc_now
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run_plan import EXTERNAL, RunPlan
from unharness.pipeline.runner import Unlearned
from unharness.pipeline.stages.plugin_result import wrapper_from
from unharness.pipeline.target_row import with_target_row
from unharness.progress import Progress
from unharness.records.artifacts import weights_problem
from unharness.records.record import RunRecord, TrainingRecord
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.reference_rows import method_of
from unharness.registry import Registry
from unharness.request import ALL_QUESTIONS, RunRequest, make_request
from unharness.unlearning.context import UnlearnContext
from unharness.unlearning.method import Method

WEIGHTS_DIGITS = 16
"""Of the SHA-256 of external weights in a row's hyperparameters."""


class External(Method):
    """External weights; it cannot be run, it only names the row."""

    name = EXTERNAL
    summary = "Weights from outside."
    seeded = False
    trains = False

    class Config(Method.Config):
        """What the weights are called, and which they are."""

        name: str
        weights: str

    def unlearn(self, context: UnlearnContext) -> None:
        """Do nothing: the weights are there already."""


@dataclass(frozen=True)
class Evaluation:
    """Weights to evaluate, and how; loaded when it is their turn."""

    plan: RunPlan
    source: ExternalWeights | Path
    made: RunRecord
    """What is known of how the weights came to be."""

    def load(self, progress: Progress) -> Unlearned:
        """Load the weights.

        Args:
            progress: told what is fetched.

        Raises:
            ModelError: they are none, or not those that the record speaks of.
        """
        plan = self.plan
        place = plan.place
        if isinstance(self.source, ExternalWeights):
            self.source.base.prepare(progress)
            model, tokenizer = self.source.load(plan.data, place.device, place.dtype)
            trainable, total = parameter_counts(model)
            made = self.made.model_copy(deep=True)
            made.training = TrainingRecord(
                trainable_parameters=trainable,
                total_parameters=total,
                weights_hash=weights_hash(model),
            )
            return Unlearned(WeightsRef(model, tokenizer), made)
        if problem := weights_problem(self.made, self.source.parent):
            raise ModelError(
                f"{self.source}: not the weights that the record speaks of ({problem}); "
                "run it again with --save-weights --force"
            )
        base = (plan.given and plan.given.fresh) or plan.base
        model, tokenizer = base.load(plan.data, place.dtype)
        if self.made.artifacts["weights"]["kind"] == "adapter":
            model = load_adapter(model, str(self.source))
        else:
            model = load_causal_lm(self.source, place.dtype)
        model = model.to(place.device).eval()
        if weights_hash(model) != self.made.artifacts["weights"]["sha256"]:
            raise ModelError(f"{self.source}: not the weights that the record speaks of")
        kept = self.made.training.wrapper if self.made.training else None
        wrapper = wrapper_from(plan.method, kept, self.made.run_id)
        return Unlearned(WeightsRef(model, tokenizer, wrapper), self.made)


def plan_again(record: RunRecord, changes: Mapping[str, Any], registry: Registry) -> RunPlan:
    """Return the plan of a run that was made, with options that leave its weights as they are.

    Args:
        record: of the run.
        changes: options of a run that say where things are or how to evaluate.
        registry: knows the plugins.

    Raises:
        RecordError: what the weights were made from has changed.
    """
    plan = resolve(make_request({**record.passed, **changes}), registry)
    if plan.spec.unlearn != record.spec.unlearn:
        raise RecordError(
            f"{record.run_id}: its data, model or hyperparameters are no longer what they were; "
            "run it again"
        )
    return plan


def of_run(
    record: RunRecord, folder: Path, changes: Mapping[str, Any], registry: Registry
) -> Evaluation:
    """Return the evaluation of a run's saved weights, in its own way or in another.

    Args:
        record: of the run, failed or done.
        folder: where it lies.
        changes: options of a run that say how to evaluate: engine, prompt, suite, results.
        registry: knows the plugins.

    Raises:
        RecordError: the record has no weights, or what it was made from has changed.
    """
    if "weights" not in record.artifacts:
        raise RecordError(f"{record.run_id}: no weights are kept; run it again with --save-weights")
    plan = plan_again(record, changes, registry)
    made = record.model_copy(deep=True, update={"warnings": []})
    return Evaluation(plan, folder / record.artifacts["weights"]["path"], made)


def of_weights(
    given: str,
    name: str | None,
    options: Mapping[str, Any],
    beside: RunRecord | None,
    registry: Registry,
    *,
    gold: bool = False,
) -> Evaluation:
    """Return the evaluation of weights from outside.

    Args:
        given: a folder or a hub id, of a checkpoint or an adapter; or `published`: the retrained
            model that the task knows for the base model, or for that of the run beside.
        name: what the row is called; None: the last part of `given`.
        options: of a run: task, data, engine and so on; `model` is the base of an adapter.
        beside: a run whose target these weights were made from: the row stands beside it.
        registry: knows the plugins.
        gold: whether they are of a model that never saw the forget set: a retrained row.

    Raises:
        ModelError: there are no such weights.
        UsageError, DataError: as for a run.
    """
    if given == PUBLISHED:
        given = _published_retrained(options, beside, registry)
    outside = find_weights(given, options.get("model"), registry)
    method = method_of("target", registry)
    request = make_request(
        {**_defaults(beside, options), **options, "method": method, "model": "tiny"}
    )
    plan = _plan(request, outside, registry)
    config = External.Config(
        name=name or outside.name, weights=outside.fingerprint(plan.data)[:WEIGHTS_DIGITS]
    )
    facts: dict[str, Any] = {
        "method": method_of("retrained", registry) if gold else EXTERNAL,
        "seed": request.seed,
        "method_version": External.version,
        "method_source": "",
        "config": config.model_dump(),
        "target_recipe": {},
        "lora": None,
    }
    if beside is not None:
        if (beside.spec.task, beside.spec.data_hash) != (plan.spec.task, plan.spec.data_hash):
            raise UsageError(
                f"--beside {beside.run_id}: that run is on {beside.spec.task} with data "
                f"{beside.spec.data_hash[:8]}, this is {plan.spec.task} with "
                f"{plan.spec.data_hash[:8]}"
            )
        same = (
            *("base_hash", "target_hash", "target_tuning", "lora", "target_recipe", "dtype"),
            *("learned", "knowledge_hash", "template"),
            *("model", "model_revision"),
        )
        facts |= {name: getattr(beside.spec, name) for name in same}
    spec = plan.spec.changed(**facts)
    plan = with_target_row(replace(plan, spec=spec, method=External(config)), registry)
    made = RunRecord(
        run_id=spec.run_id(),
        identity_version=IDENTITY_VERSION,
        status="running",
        started=utc_now(),
        spec=spec,
        data=data_record(plan),
        target=beside.target if beside else None,
    )
    return Evaluation(plan, outside, made)


def _published_retrained(
    options: Mapping[str, Any], beside: RunRecord | None, registry: Registry
) -> str:
    """Return the hub id of the retrained model for the base model, or the run beside."""
    known = beside.spec if beside else None
    named = options.get("task") or (known.task if known else TASK)
    model = options.get("model") or (known.model if known else "")
    return published_models(make_task(named, registry), model, "--weights", registry).retrained


def _plan(request: RunRequest, outside: ExternalWeights, registry: Registry) -> RunPlan:
    """Resolve a request with the weights' own base in the place of a preset."""
    tuning = {"tuning": outside.kind} if outside.kind == "lora" else {"tuning": "full"}
    return resolve(request.model_copy(update=tuning), registry, base=outside.base)


def _defaults(beside: RunRecord | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how weights are evaluated where the options say nothing: as the neighbour was.

    Without a neighbour there is no suite: a default must never need the hub, or hours of a user
    who asked for none of it.
    """
    if beside is None:
        return {"suite": NONE}
    evaluation = beside.spec.evaluation
    alike = {
        "template": beside.spec.template,
        "max_length": evaluation.max_length,
        "max_new_tokens": evaluation.max_new_tokens,
    }
    if options.get("suite"):  # another one: nothing of the neighbour's is of use
        return alike
    if evaluation.suite is None:
        return alike | {"suite": NONE}
    places = {name: beside.passed.get(name) for name in ("include_path", "suite_data")}
    same = {name: place for name, place in places.items() if place is not None}
    # The neighbour's number of questions, whatever the default is on this device.
    asked = evaluation.suite.get("limit") or ALL_QUESTIONS
    return alike | {"suite": evaluation.suite["name"], "suite_limit": asked} | same
