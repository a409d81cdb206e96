"""The search space of a study: wider where the user says so; which best values lie at its edges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unharness.errors import LONGEST_VALUE, UsageError, suggestion
from unharness.safe_text import shortened
from unharness.unlearning.search import Choice, FloatRange, Place, declared_search, search_space

FACTOR = 4
"""By which a warning advises to widen a range."""


@dataclass(frozen=True)
class Edge:
    """A best value that lies at the edge of where it was looked for."""

    hyperparameter: str
    """Its name."""
    widen: str
    """What `--widen` calls it: its kind, or its own name."""
    value: float
    range: FloatRange

    def __str__(self) -> str:
        return (
            f"the best {self.hyperparameter} is {self.value:g}, at the edge of its range ("
            f"{self.range.low:g} to {self.range.high:g}); a better one may lie beyond: "
            f"--widen {self.widen}={FACTOR} tunes all methods over a wider range"
        )


def make_space(
    method: Any,
    model: str,
    given: Iterable[str],
    widen: Mapping[str, float],
    choices: Mapping[str, tuple[Any, ...]],
) -> dict[str, Place]:
    """Return where to look for a method's hyperparameters.

    Args:
        method: the class.
        model: the model's name.
        given: what the user fixes; it is not tuned.
        widen: factor by kind, or by name of a hyperparameter without one; a range is not widened
            beyond what its hyperparameter may be.
        choices: values by hyperparameter, the only ones that are tried.
    """
    declared = declared_search(method)
    space = search_space(method, model)
    for name, place in space.items():
        factor = widen.get(_widened_as(name, declared))
        if factor is not None and isinstance(place, FloatRange):
            low, high = _bounds(method, name)
            wide = place.widened(factor)
            space[name] = FloatRange(max(low, wide.low), min(high, wide.high), place.log)
    space |= {name: Choice(values) for name, values in choices.items()}
    return {name: place for name, place in space.items() if name not in set(given)}


def check_widened(widen: Mapping[str, float], methods: Iterable[Any]) -> None:
    """Refuse to widen what no method tunes over a range.

    Raises:
        UsageError: a name is unknown, or a factor is not above 1.
    """
    known: set[str] = set()
    for method in methods:
        declared = declared_search(method)
        ranges = [name for name, at in search_space(method).items() if isinstance(at, FloatRange)]
        known |= {_widened_as(name, declared) for name in ranges}
    for name, factor in widen.items():
        if name not in known:
            raise UsageError(
                f"--widen {shortened(name, LONGEST_VALUE)}: none of these methods has a range of "
                f"that name.{suggestion(name, sorted(known))}"
            )
        if not 1 < factor <= 1000:
            raise UsageError(f"--widen {name}={factor:g}: expected a factor above 1, up to 1000")


def edges(method: Any, space: Mapping[str, Place], settings: Mapping[str, Any]) -> list[Edge]:
    """Return which values lie at an edge of their ranges.

    An edge that is also the end of what the hyperparameter may be is none: nothing lies beyond.

    Args:
        method: the class.
        space: where was looked.
        settings: values by hyperparameter.
    """
    declared, found = declared_search(method), []
    for name, place in space.items():
        side = place.edge(settings[name]) if isinstance(place, FloatRange) else None
        if not isinstance(place, FloatRange) or side is None:
            continue
        low, high = _bounds(method, name)
        if (side == "low" and place.low > low) or (side == "high" and place.high < high):
            found.append(Edge(name, _widened_as(name, declared), settings[name], place))
    return found


def _widened_as(name: str, declared: Mapping[str, Any]) -> str:
    search = declared[name]
    return search if isinstance(search, str) else name


def _bounds(method: Any, name: str) -> tuple[float, float]:
    """Return what a hyperparameter may be at least and at most."""
    low, high = -math.inf, math.inf
    for constraint in method.Config.model_fields[name].metadata:
        for least in (getattr(constraint, "ge", None), getattr(constraint, "gt", None)):
            low = max(low, least) if least is not None else low
        for most in (getattr(constraint, "le", None), getattr(constraint, "lt", None)):
            high = min(high, most) if most is not None else high
    return low, high
