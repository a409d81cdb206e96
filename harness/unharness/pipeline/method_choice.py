"""The method that a request names, with its hyperparameters, and what a spec says of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from unharness.checked import checked
from unharness.data.general_text import GeneralText, general_split
from unharness.data.task_data import TaskData
from unharness.models.family import same_model
from unharness.records.stage_specs import digest_of
from unharness.request import RunRequest
from unharness.source_hash import source_hash
from unharness.unlearning.context import readable_splits
from unharness.unlearning.method import Method
from unharness.unlearning.presets import Preset, find_preset


def make_method(
    method_class: type[Method],
    model: str,
    given: Mapping[str, Any],
    preset: Preset | None = None,
) -> Method:
    """Return the method with its hyperparameters: its own, a preset's or its model's, the user's.

    Raises:
        UsageError: a hyperparameter is unknown, of the wrong type, or out of bounds.
    """
    name = method_class.name
    config = checked(
        f"method {name!r}",
        method_class.Config,
        given,
        defaults=preset.settings if preset else method_class.defaults_for(model),
        noun="hyperparameter",
        hint=f". 'unharness methods show {name}' lists what is allowed",
    )
    return method_class(config)


def chosen_preset(method_class: type[Method], request: RunRequest) -> Preset | None:
    """Return the preset that a request names, if it names one.

    Raises:
        UsageError: the method has none of that name for the task and model.
    """
    if request.preset is None:
        return None
    return find_preset(
        method_class.presets,
        request.preset,
        method=method_class.name,
        task=request.task,
        is_model=partial(same_model, request.model),
    )


def method_facts(
    method: Method, seed: int, data: TaskData, general: GeneralText | None
) -> dict[str, Any]:
    """Return what a spec says of the method and of what it may read."""
    streams = _streams(method, data, general)
    return {
        "method": method.name,
        "method_version": method.version,
        "method_source": source_hash(type(method)),
        "config": method.config.model_dump(mode="json"),
        "seed": seed if method.seeded else 0,
        "streams": streams,
    }


def _streams(method: Method, data: TaskData, general: GeneralText | None) -> dict[str, str]:
    """Return the hash of what a method may read, by split."""
    if not method.trains:
        return {}
    given = data.joined(general_split(general.examples)) if general else data
    readable = readable_splits(given, method).splits.values()
    return {
        split.name: digest_of([row.content() for row in split.examples])
        for split in readable
        if split.role != "general" or general
    }
