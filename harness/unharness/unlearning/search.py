"""Where tuning looks for a hyperparameter's value.

A method's Config says of what kind a hyperparameter is, and the range of the kind is the same for
all methods, so that no method's search depends on how well its defaults were chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from unharness.errors import PluginError

EDGE = 0.02
"""Share of a range, on its scale, that counts as its edge."""


@dataclass(frozen=True)
class FloatRange:
    """All numbers from `low` to `high`; whole ones where the hyperparameter is whole."""

    low: float
    high: float
    log: bool = False
    """Whether all orders of magnitude are as likely; `low` is above 0 then."""

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (log scale)' * self.log}"

    def place(self, value: float) -> float:
        """Return where a value lies on the range's scale: 0 at `low`, 1 at `high`."""
        low, high, at = (self._scaled(number) for number in (self.low, self.high, value))
        return (at - low) / (high - low)

    def edge(self, value: float) -> Literal["low", "high"] | None:
        """Return at which edge a value lies, within `EDGE` of the range; None: at neither."""
        place = self.place(value)
        return "low" if place <= EDGE else "high" if place >= 1 - EDGE else None

    def widened(self, factor: float) -> FloatRange:
        """Return a wider range: on a log scale `factor` times more at both ends, else in width."""
        if self.log:
            return FloatRange(self.low / factor, self.high * factor, log=True)
        more = (self.high - self.low) * (factor - 1) / 2
        return FloatRange(self.low - more, self.high + more)

    def _scaled(self, number: float) -> float:
        return math.log(number) if self.log else number


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Kind = Literal["learning_rate", "epochs", "loss_weight", "inverse_temperature"]
Search = FloatRange | Choice | Kind
"""A hyperparameter's kind; its own range or choice where it is of none of the kinds."""
Place = FloatRange | Choice
"""Where a hyperparameter is looked for, with the kind's range in the place of the kind."""

RANGES: Mapping[Kind, FloatRange] = {
    "learning_rate": FloatRange(1e-6, 1e-3, log=True),
    "epochs": FloatRange(1, 32, log=True),
    "loss_weight": FloatRange(0.05, 100, log=True),
    "inverse_temperature": FloatRange(0.01, 10, log=True),
}
"""By kind: absolute, and the same for all methods."""
FROM_NOTHING: Mapping[Kind, FloatRange] = {"learning_rate": FloatRange(3e-5, 3e-2, log=True)}
MODEL_RANGES: Mapping[str, Mapping[Kind, FloatRange]] = {
    "tiny": FROM_NOTHING,
    "micro": FROM_NOTHING,
}
"""By model preset: ranges in the place of those above; they too are the same for all methods."""


def search_space(method: Any, model: str = "") -> dict[str, Place]:
    """Return where to look for a method's hyperparameters, base classes' first; empty: nowhere.

    Args:
        method: the class.
        model: a preset's name, or anything else for the ranges of other models.

    Raises:
        PluginError: the method's Config names something that it does not have, a kind that there
            is not, or its own range for a hyperparameter whose kind a base class says.
    """
    ranges = {**RANGES, **MODEL_RANGES.get(model, {})}
    return {
        name: ranges[search] if isinstance(search, str) else search
        for name, search in declared_search(method).items()
    }


def declared_search(method: Any) -> dict[str, Search]:
    """Return what a method's Config declares as `search`, base classes' first.

    Raises:
        PluginError: as `search_space`.
    """
    declared: dict[str, Search] = {}
    for parent in reversed(method.Config.__mro__):
        own: Mapping[str, Search] = vars(parent).get("search", {})
        for name, search in own.items():
            _check(method.name, name, search, declared.get(name))
        declared |= own
    unknown = sorted(set(declared) - set(method.Config.model_fields))
    if unknown:
        raise PluginError(f"method {method.name!r}: its search names {unknown}, which it lacks")
    return declared


def _check(method: str, name: str, search: Search, inherited: Search | None) -> None:
    if isinstance(search, str) and search not in RANGES:
        raise PluginError(
            f"method {method!r}: its search says that {name!r} is of the kind {search!r}; "
            f"the kinds are {', '.join(get_args(Kind))}"
        )
    if isinstance(inherited, str) and search != inherited:
        raise PluginError(
            f"method {method!r}: {name!r} is of the kind {inherited!r}, whose range is the same "
            "for all methods; its search gives it another one"
        )
