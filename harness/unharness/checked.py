"""Values that a user gives by name, checked by the pydantic model that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from unharness.errors import UsageError, refused_values, suggestion

Model = TypeVar("Model", bound=BaseModel)


def checked(
    owner: str,
    model: type[Model],
    given: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    noun: str = "option",
    hint: str = "",
    prefix: bool = True,
) -> Model:
    """Return a model of the given values.

    Args:
        owner: what they belong to, as messages call it, such as `engine 'hf'` or `--lora`.
        model: knows names, types and bounds.
        given: the user's values by name.
        defaults: values that stand where the user gives none, before the model's own.
        noun: what one of them is called.
        hint: stands at the end of a message about a value.
        prefix: whether such a message begins with the owner.

    Raises:
        UsageError: a name is unknown (the nearest one is offered), or a value is of the wrong type
            or out of bounds.
    """
    for name in given:
        if name not in model.model_fields:
            known = suggestion(name, model.model_fields)
            raise UsageError(f"{owner} has no {noun} {name!r}.{known}")
    try:
        return model(**{**(defaults or {}), **given})
    except ValidationError as error:
        place = f"{owner}: " if prefix else ""
        raise UsageError(f"{place}{refused_values(error)}{hint}") from error
