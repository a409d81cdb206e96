"""The base of everything that a user may set: names, hyperparameters, options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class StrictModel(BaseModel):
    """Refuses unknown names, NaN and infinity, and booleans where numbers are meant.

    A number may be written as text, as `1e-3` is in YAML; `true` is never 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        annotation: Any = cls.model_fields[info.field_name or ""].annotation
        if _holds_boolean(value) and _wants_number(annotation):
            raise ValueError("is a boolean; expected a number")
        return value


def _holds_boolean(value: Any) -> bool:
    """Return whether a value is a boolean, or a list or mapping of one level that holds some."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple, set, frozenset)):
        return isinstance(value, bool)
    return any(isinstance(item, bool) for item in value)


@lru_cache(maxsize=1024)
def _wants_number(annotation: Any) -> bool:
    """Return whether a type has numbers in it, and no booleans."""
    kinds = _kinds(annotation)
    return bool(kinds & {int, float}) and not kinds & {bool, Any}


def _kinds(annotation: Any) -> set[Any]:
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    parts = get_args(annotation)
    return set().union(*map(_kinds, parts)) if parts else {annotation}
