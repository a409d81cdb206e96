"""Records of the first edition: how their ids were made, and what they say in today's terms."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from unharness import defaults
from unharness.records.spec import RunSpec
from unharness.records.stage_specs import RUN_ID_LENGTH

VERSION = 1
_IDENTITY = (
    *("task", "task_version", "data_hash", "limit", "base_hash", "tuning", "target_tuning"),
    *("lora", "target_recipe", "method", "method_version", "config", "seed", "general_hash"),
    *("dtype", "evaluation"),
)
_ADDED_LATER = ("limit_train", "template", "target_hash")
_IDENTITY_VERSION = 2


def run_id_of(spec: dict[str, Any]) -> str:
    """Return the id that the first edition gave a run.

    Args:
        spec: the record's own, as JSON.
    """
    parts = {name: spec.get(name) for name in _IDENTITY} | {"identity_version": _IDENTITY_VERSION}
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:RUN_ID_LENGTH]


def in_todays_terms(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of the first edition as a record of today's schema.

    What its target learned is known by the hash of all its data alone.

    Raises:
        KeyError, TypeError, ValueError: it is no record of the first edition.
    """
    spec = dict(record["spec"])
    general = spec.pop("general_hash", None)
    for name in _ADDED_LATER:
        if spec.get(name) is not None:
            raise ValueError(f"spec.{name} is not part of schema 1")
        spec.pop(name, None)
    evaluation = dict(spec["evaluation"])
    if text := evaluation.pop("prompt", ""):
        use = {"name": defaults.PROMPT_ATTACK, "config": {"text": text}}
        spec |= {"attacks": [use], "attack_name": spec.pop("prompt_name", "none")}
    spec.pop("prompt_name", None)
    spec["evaluation"] = evaluation
    spec["learned"] = {"all": spec["data_hash"]}
    spec["streams"] = {"general": general} if general else {}
    return record | {"schema_version": 2, "spec": RunSpec.of(**spec).model_dump(mode="json")}
