"""From options to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from unharness.errors import UsageError, refused_values
from unharness.request import RunRequest


def make_request(values: Mapping[str, Any]) -> RunRequest:
    """Return a request, or say which option is wrong.

    Raises:
        UsageError: an option is unknown or has an impossible value.
    """
    try:
        return RunRequest(**values)
    except ValidationError as error:
        raise UsageError(refused_values(error)) from error
