"""Where tuning looks for a hyperparameter's value: declared by a method's Config as `search`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unharness.errors import PluginError


@dataclass(frozen=True)
class FloatRange:
    """All numbers from `low` to `high`; whole ones where the hyperparameter is whole."""

    low: float
    high: float
    log: bool = False
    """Whether all orders of magnitude are as likely."""
    relative_to_default: bool = False
    """Whether both ends are multiples of the hyperparameter's default on the model."""

    def ends(self, default: Any) -> tuple[float, float]:
        """Return both ends, given the default."""
        scale = float(default) if self.relative_to_default else 1.0
        return self.low * scale, self.high * scale

    def __str__(self) -> str:
        times = " times the default" if self.relative_to_default else ""
        return f"{self.low:g} to {self.high:g}{times}{', by orders of magnitude' * self.log}"


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Search = FloatRange | Choice


def search_space(method: Any) -> dict[str, Search]:
    """Return where to look for a method's hyperparameters, base classes' first; empty: nowhere.

    Raises:
        PluginError: the method's Config names something that it does not have.
    """
    space: dict[str, Search] = {}
    for parent in reversed(method.Config.__mro__):
        declared: Mapping[str, Search] = vars(parent).get("search", {})
        space |= declared
    unknown = sorted(set(space) - set(method.Config.model_fields))
    if unknown:
        raise PluginError(f"method {method.name!r}: its search names {unknown}, which it lacks")
    return space
