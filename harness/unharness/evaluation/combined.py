"""One score computed from several, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from unharness.evaluation.metric import Score
from unharness.evaluation.statistics import Estimate

NOT_DEFINED = "not defined for these values"


def combined(parts: Sequence[Score], function: Callable[[Any], Any]) -> Score:
    """Return a function of several scores.

    It is computed in every bootstrap resample as well. Scores of one split are resampled alike, of
    one model or of several, so that they keep their correlation; there is no interval where a
    part has none.

    Args:
        parts: one or more.
        function: takes an array of the parts' values, (k,), or of their values in R resamples,
            (k, R), and returns an array of the shape (), or (R,).

    Returns:
        Without a value where a part has none, or where the function is not finite.
    """
    n, unscored = sum(part.n for part in parts), sum(part.n_unscored for part in parts)
    values = [part.value for part in parts if part.value is not None]
    if len(values) < len(parts):
        reason = next(part.reason for part in parts if part.value is None)
        return Score.missing(reason, n + unscored)
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = float(function(numpy.array(values)))
        replicates = None
        if all(part.replicates is not None for part in parts):
            replicates = function(numpy.stack([part.replicates for part in parts]))
    if not numpy.isfinite(value):
        return Score.missing(NOT_DEFINED, n + unscored)
    estimate = Estimate(value, replicates)
    return Score(value, n, unscored, estimate.ci95, estimate.stderr, replicates=replicates)
