"""The axes of boards: what a column says something about."""

from __future__ import annotations

from typing import Literal, get_args

Axis = Literal["forget", "retain", "privacy", "utility", "robustness", "general", "cost"]
AXES: tuple[Axis, ...] = get_args(Axis)
"""In the order in which boards show them."""
