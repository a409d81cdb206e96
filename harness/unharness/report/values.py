"""How numbers and settings are written wherever they are shown."""

from __future__ import annotations

from typing import Any

LARGE = 1e5
"""From here on numbers are written with an exponent."""


def format_number(value: float | None, unit: str = "") -> str:
    """Return a number in as many digits as can be compared at a glance; a dash for none."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= LARGE:
        return f"{value:.1e}"
    if size >= 1000:
        return f"{value:.0f}"
    if unit == "%" or size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 or value == 0 else f"{value:.3g}"


def signed(change: float, unit: str = "") -> str:
    """Return a difference with its sign."""
    return f"{'+' if change > 0 else ''}{format_number(change, unit)}"


def shown_value(value: Any) -> str:
    """Return a hyperparameter's value as one would write it after `--set`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(shown_value, value))
    return str(value)


def clock(seconds: float) -> str:
    """Return a duration in hours and minutes, or minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
