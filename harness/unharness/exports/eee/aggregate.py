"""One record as an aggregate: who evaluated which model with what, and every number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from unharness.evaluation.statistics import RESAMPLES
from unharness.exports.eee.identity import GENERAL, OURS, SCHEMA, Identity, epoch
from unharness.exports.eee.scales import KINDS, EeeScale, flat, scale_of
from unharness.exports.general_tasks import general_task
from unharness.hub import hub_name
from unharness.pipeline.command_line import run_command
from unharness.pipeline.run_plan import EXTERNAL
from unharness.records.record import MetricRecord, RunRecord
from unharness.records.store import shown_model

BOOTSTRAP = "percentile bootstrap over examples, groups drawn as one"


def aggregate(identity: Identity, organization: str) -> dict[str, Any]:
    """Return the aggregate without its samples.

    Args:
        identity: of the record, for one of the two libraries.
        organization: who ran it.
    """
    record = identity.record
    return {
        "schema_version": SCHEMA,
        "evaluation_id": identity.evaluation_id,
        "evaluation_timestamp": str(epoch(record.started)),
        "retrieved_timestamp": identity.finished,
        "source_metadata": _source(record, organization),
        "eval_library": _library(identity),
        "model_info": _model(identity),
        "evaluation_results": [_result(identity, label) for label in identity.labels],
    }


def _source(record: RunRecord, organization: str) -> dict[str, Any]:
    own = record.provenance.get("unharness", {})
    outside = record.spec.method == EXTERNAL
    return {
        "source_type": "evaluation_run",
        "source_name": "unharness",
        "source_organization_name": organization,
        "evaluator_relationship": "third_party" if outside else "first_party",
        "additional_details": _texts(
            {
                "run_id": record.run_id,
                "evaluation": record.spec.evaluation_id(),
                "commit": own.get("commit"),
                "dirty": own.get("dirty"),
                "limited": record.spec.limits() or None,
            }
        ),
    }


def _library(identity: Identity) -> dict[str, Any]:
    provenance = identity.record.provenance
    if identity.library == GENERAL:
        general = identity.record.general or {}
        return {"name": GENERAL, "version": str(general.get("lm_eval", "unknown"))}
    return {
        "name": OURS,
        "version": str(provenance.get("unharness", {}).get("version", "unknown")),
        "additional_details": _texts(provenance.get("packages", {})),
    }


def _model(identity: Identity) -> dict[str, Any]:
    record, spec = identity.record, identity.record.spec
    engine = record.engine or {}
    packages = record.provenance.get("packages", {})
    name = str(engine.get("name", spec.evaluation.engine))
    version = engine.get("version") or packages.get("transformers")
    training = record.training
    details = {
        "base_model": shown_model(spec.model),
        "base_revision": spec.model_revision,
        "base_sha256": spec.base_hash,
        "target_weights_sha256": record.target and record.target.weights_hash,
        "weights_sha256": training and training.weights_hash,
        "method": spec.method,
        "method_version": spec.method_version,
        "method_source": spec.method_source,
        "hyperparameters": spec.config,
        "seed": spec.seed,
        "target_recipe": spec.target_recipe,
        "tuning": spec.tuning,
        "lora": spec.lora,
        "attack": spec.attack_name if spec.attacks else None,
        "attacks": [use.model_dump(mode="json") for use in spec.attacks] or None,
        "inference_wrapper": bool(training and training.wrapper),
        "train_seconds": record.cost.train_seconds,
        "peak_memory_gb": record.cost.peak_memory_gb,
        "device": spec.device,
    }
    return {
        "name": identity.model_name,
        "id": identity.model_id,
        "developer": identity.model_id.partition("/")[0],
        "inference_engine": {"name": name} | ({"version": str(version)} if version else {}),
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if identity.hub_id else "unknown",
            **_texts(details),
        },
    }


def _result(identity: Identity, label: str) -> dict[str, Any]:
    record = identity.record
    metric = record.metrics[label]
    task = general_task(record, label) if identity.library == GENERAL else {}
    scale = scale_of(metric, task.get("metric") or (label if identity.library == GENERAL else None))
    return {
        "evaluation_result_id": label,
        "evaluation_name": identity.evaluation_name(label),
        "source_data": _data(identity, metric, task),
        "evaluation_timestamp": identity.finished,
        "metric_config": _config(label, metric, scale),
        "score_details": _score(metric, scale),
        "generation_config": _generation(record),
    }


def _data(identity: Identity, metric: MetricRecord, task: Mapping[str, Any]) -> dict[str, Any]:
    record = identity.record
    if identity.library == GENERAL:
        return {
            "dataset_name": str((record.general or {}).get("suite", "general knowledge")),
            "source_type": "other",
            "additional_details": _texts(dict(task) | {"samples_number": metric.n}),
        }
    spec, data = record.spec, record.data
    details = _texts(
        {
            "content_sha256": spec.data_hash,
            "source": spec.data_source,
            "revision": data and data.revision,
            "split": metric.split,
            "split_sha256": data and data.splits.get(metric.split or "", {}).get("hash"),
            "against": metric.against,
        }
    )
    common = {"dataset_name": spec.task, "additional_details": details}
    repository = _repository(record)
    if repository is None:
        details["samples_number"] = str(metric.n)
        return common | {"source_type": "other"}
    found = common | {"source_type": "hf_dataset", "hf_repo": repository}
    return found | {"hf_split": metric.split or "all", "samples_number": metric.n}


def _repository(record: RunRecord) -> str | None:
    """Return the hub's dataset that the data came from, if it did."""
    if record.data is None or record.data.source != "hub":
        return None
    words = record.data.description.split()
    found = next((name for word in words if (name := hub_name(word))), None)
    return found.repository if found else None


def _config(label: str, metric: MetricRecord, scale: EeeScale) -> dict[str, Any]:
    return {
        "metric_id": scale.metric_id,
        "metric_name": label,
        **({"metric_kind": KINDS[scale.metric_id]} if scale.metric_id in KINDS else {}),
        "metric_unit": scale.unit,
        "metric_parameters": flat(metric.params),
        "lower_is_better": metric.direction == "lower",
        "score_type": "continuous",
        **scale.bounds,
        "additional_details": _texts(
            {
                "direction": metric.direction,
                "metric": metric.metric,
                "version": metric.version,
                "native_unit": metric.unit,
                "n_unscored": metric.n_unscored,
            }
        ),
    }


def _score(metric: MetricRecord, scale: EeeScale) -> dict[str, Any]:
    assert metric.value is not None
    uncertainty: dict[str, Any] = {"num_samples": metric.n}
    if metric.stderr is not None:
        error = metric.stderr * scale.factor
        uncertainty["standard_error"] = {"value": error, "method": "bootstrap"}
    if metric.ci95 is not None:
        low, high = map(scale.value, metric.ci95)
        interval = {"lower": low, "upper": high, "confidence_level": 0.95, "method": BOOTSTRAP}
        uncertainty["confidence_interval"] = interval
        uncertainty["num_bootstrap_samples"] = RESAMPLES
    return {
        "score": scale.value(metric.value),
        "uncertainty": uncertainty,
        "details": _texts({"native_value": metric.value, "native_unit": metric.unit}),
    }


def _generation(record: RunRecord) -> dict[str, Any]:
    spec = record.spec
    arguments: dict[str, Any] = {
        "temperature": 0.0,
        "max_tokens": spec.evaluation.max_new_tokens,
        "prompt_template": spec.template,
        "reasoning": False,
    }
    if record.passed:
        arguments["execution_command"] = run_command(record.passed)
    details = {"engine": record.engine or spec.evaluation.engine, "attack": spec.attack_name}
    return {"generation_args": arguments, "additional_details": _texts(details)}


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return facts as texts, as the schema wants them; those that are not known are left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in facts.items()
        if value is not None
    }
