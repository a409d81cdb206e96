"""The method that a request names, with its hyperparameters, and what a spec says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unharness.checked import checked
from unharness.data.task_data import TaskData
from unharness.models.source import ModelSource
from unharness.records.stage_specs import digest_of
from unharness.source_hash import source_hash
from unharness.unlearning.context import readable_splits
from unharness.unlearning.method import Method
from unharness.unlearning.presets import Preset
from unharness.unlearning.wrapping import WrapperMethod


def make_method(
    method_class: type[Method],
    model: str,
    given: Mapping[str, Any],
    preset: Preset | None = None,
    tuning: str = "",
) -> Method:
    """Return the method with its hyperparameters: its own, a preset's or its model's, the user's.

    Args:
        method_class: the method.
        model: the model's name, by which defaults go.
        given: what the user sets.
        preset: published hyperparameters, in the place of the model's.
        tuning: full or lora, where defaults may go by it too.

    Raises:
        UsageError: a hyperparameter is unknown, of the wrong type, or out of bounds.
    """
    name = method_class.name
    config = checked(
        f"method {name!r}",
        method_class.Config,
        given,
        defaults=preset.settings if preset else method_class.defaults_for(model, tuning),
        noun="hyperparameter",
        hint=f". 'unharness methods show {name}' lists what is allowed",
    )
    return method_class(config)


def require_model(method: Method, base: ModelSource, data: TaskData) -> None:
    """Let a method refuse a model, by its configuration alone.

    Raises:
        MethodError: it does.
    """
    if type(method).check_model is not Method.check_model:
        method.check_model(base.config_and_tokenizer(data)[0])


def method_facts(method: Method, seed: int, data: TaskData, *, general: bool) -> dict[str, Any]:
    """Return what a spec says of the method and of what it may read.

    Args:
        method: with its hyperparameters.
        seed: what the user gives.
        data: of the run.
        general: whether the method is given general text, which is among the data then.
    """
    streams = _streams(method, data, general=general)
    return {
        "method": method.name,
        "method_version": method.version,
        "method_source": method_source(method),
        "config": method.config.model_dump(mode="json"),
        "seed": seed if method.seeded else 0,
        "streams": streams,
    }


def method_source(method: Method) -> str:
    """Return the hash of a method's source; of one around another method, of both.

    The version of the wrapped method counts as well: that of the wrapper does not change with it.
    """
    own = source_hash(type(method))
    if not isinstance(method, WrapperMethod):
        return own
    wrapped = type(method.wrapped)
    return digest_of([own, source_hash(wrapped), wrapped.version])[: len(own)]


def _streams(method: Method, data: TaskData, *, general: bool) -> dict[str, str]:
    """Return the hash of what a method may read, by split."""
    if not method.trains and method.Wrapper is None:
        return {}
    return {
        split.name: digest_of([row.content() for row in split.examples])
        for split in readable_splits(data, method).splits.values()
        if split.role != "general" or general
    }
