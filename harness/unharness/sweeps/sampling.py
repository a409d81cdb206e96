"""What a study tries next: a scrambled Sobol sequence first, then Optuna's TPE.

Where every hyperparameter is one of some values, all combinations are tried once, in random order.

A suggestion depends on the study's seed, the trial's place in the study and the trials before it
alone, so that an interrupted study goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from scipy.stats import qmc

from unharness.unlearning.search import Choice, Place

SOBOL_POWER = 3
SOBOL_TRIALS = 2**SOBOL_POWER
"""Trials before TPE models what is good. A power of 2: each eighth of every range is tried once."""


def study_seed(*parts: object) -> int:
    """Return the seed of a study, from what names it: 32 bits, unlike those of other studies."""
    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode())
    return int.from_bytes(digest.digest()[:4], "big")


def combinations(space: Mapping[str, Place]) -> int | None:
    """Return how many settings a search space has; None where some hyperparameter has a range."""
    sizes = _sizes(space)
    return math.prod(sizes) if sizes else None


def sampler(seed: int, number: int, space: Mapping[str, Place]) -> optuna.samplers.BaseSampler:
    """Return what suggests the hyperparameters of one trial.

    Args:
        seed: the study's.
        number: the trial's place in the study, from 0.
        space: where each hyperparameter is looked for, always in the same order.
    """
    sizes = _sizes(space)
    if sizes:
        return _Point(dict(zip(space, _combination(seed, number, sizes), strict=True)))
    if number < SOBOL_TRIALS:
        return _Point(dict(zip(space, _points(seed, len(space))[number], strict=True)))
    # One sampler for all trials would begin its random sequence again after an interruption.
    # Few trials succeed where most fail; one is enough to go on from.
    return optuna.samplers.TPESampler(seed=(seed + number) % 2**32, n_startup_trials=1)


def _points(seed: int, dimensions: int) -> list[list[float]]:
    """Return points of the unit cube, one for each of the first trials."""
    engine = qmc.Sobol(d=dimensions, scramble=True, rng=seed)
    points: list[list[float]] = engine.random_base2(SOBOL_POWER).tolist()
    return points


def _sizes(space: Mapping[str, Place]) -> list[int]:
    """Return how many values each hyperparameter has; nothing where one of them has a range."""
    sizes = [len(place.values) for place in space.values() if isinstance(place, Choice)]
    return sizes if len(sizes) == len(space) else []


def _combination(seed: int, number: int, sizes: Sequence[int]) -> list[float]:
    """Return one combination of values, each as the middle of its share of the choices."""
    order = random.Random(seed).sample(range(math.prod(sizes)), math.prod(sizes))
    left, shares = order[number % len(order)], []
    for size in sizes:
        left, at = divmod(left, size)
        shares.append((at + 0.5) / size)
    return shares


class _Point(optuna.samplers.BaseSampler):
    """Suggests what lies at one point of the unit cube."""

    def __init__(self, point: dict[str, float]) -> None:
        self._point = point

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return _value(param_distribution, self._point[param_name])


def _value(place: Any, at: float) -> Any:
    """Return what lies at a share of a range, or among choices; shares go from 0 to below 1."""
    if isinstance(place, CategoricalDistribution):
        return place.choices[int(at * len(place.choices))]
    whole = isinstance(place, IntDistribution)
    # A whole number stands for all that is rounded to it, so that the ends are as likely.
    low, high = (place.low - 0.5, place.high + 0.5) if whole else (place.low, place.high)
    if place.log:
        value = math.exp(math.log(low) + at * (math.log(high) - math.log(low)))
    else:
        value = low + at * (high - low)
    value = min(place.high, max(place.low, value))
    return round(value) if whole else value
