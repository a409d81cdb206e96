"""What a method or an attack returns, checked."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from unharness.attacks.attack import Attack
from unharness.errors import MethodError, RecordError
from unharness.models.inference import InferenceWrapper, UnlearnedModel
from unharness.unlearning.context import UnlearnContext
from unharness.unlearning.method import Method


def take_result(
    plugin: Method | Attack, context: UnlearnContext, result: Any
) -> InferenceWrapper | None:
    """Give the context the model that a method or an attack returned; return its wrapper.

    Raises:
        MethodError: it returned neither None nor an UnlearnedModel, or a wrapper of a class that
            it does not declare.
    """
    if result is None:
        return None
    if not isinstance(result, UnlearnedModel):
        raise MethodError(
            f"{plugin.name!r} returned {type(result).__name__}; expected None or UnlearnedModel"
        )
    if result.model is not None:
        context.model = result.model
    if result.wrapper is not None and type(result.wrapper) is not plugin.Wrapper:
        raise MethodError(
            f"{plugin.name!r} left a {type(result.wrapper).__name__}; declare it in the "
            f"class: Wrapper = {type(result.wrapper).__name__}"
        )
    return result.wrapper


def wrapper_from(
    plugin: Method | Attack, kept: dict[str, Any] | None, run_id: str
) -> InferenceWrapper | None:
    """Return the inference wrapper that a method or an attack left, from what a record kept.

    Raises:
        RecordError: the fields are not those of the plugin's wrapper.
    """
    if kept is None:
        return None
    try:
        if plugin.Wrapper is not None:
            return plugin.Wrapper(**kept)
    except ValidationError:
        pass
    raise RecordError(
        f"{run_id}: its inference wrapper is not one of {plugin.name!r} as it is installed; "
        "run it again with --force"
    )
