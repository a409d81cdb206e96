"""Invented names for stand-ins: people, towns and things, built from syllables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random

from unharness_tasks.draws import shuffled

__all__ = ["people", "things", "towns"]

_GIVEN = (("Al", "Bre", "Cor", "Da", "Fen", "Hal", "Jo", "Mi"), ("dric", "lene", "mira", "ven"))
_FAMILY = (
    ("Ash", "Bram", "Dun", "Fal", "Hol", "Kel", "Mar", "Tor"),
    ("barrow", "dale", "esk", "wick", "sted"),
)
_TOWNS = (("Or", "Mal", "Tar", "Vel", "Quen", "Lis", "Ar", "Bel"), ("rin", "eth", "no", "brook"))
_THINGS = (
    ("silver", "wooden", "hidden", "broken", "northern", "quiet", "painted", "early"),
    ("lantern", "harbour", "garden", "bridge", "letter", "orchard", "clock", "river"),
)


def people(rng: Random, count: int) -> list[str]:
    """Return different names of people, at most 1,280."""
    given, family = _joined(_GIVEN), _joined(_FAMILY)
    return _some(rng, [" ".join(pair) for pair in product(given, family)], count)


def towns(rng: Random, count: int) -> list[str]:
    """Return different names of towns, at most 32."""
    return _some(rng, _joined(_TOWNS), count)


def things(rng: Random, count: int) -> list[str]:
    """Return different things, such as `silver lantern`, at most 64."""
    return _some(rng, [" ".join(pair) for pair in product(*_THINGS)], count)


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    return ["".join(pair) for pair in product(*parts)]


def _some(rng: Random, options: list[str], count: int) -> list[str]:
    if count > len(options):
        raise ValueError(f"{count} names are wanted and there are {len(options)}")
    return shuffled(rng, options)[:count]
