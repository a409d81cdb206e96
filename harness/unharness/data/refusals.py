"""Plain refusals, for examples that bring none of their own."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def bundled_refusals() -> tuple[str, ...]:
    """Return the bundled refusals, written for this package."""
    return tuple(json.loads((files("unharness.data") / "refusals.json").read_text("utf-8")))
