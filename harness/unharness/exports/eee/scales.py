"""Metrics as Every Eval Ever knows them: id, bounds, and values on the registered scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unharness.evaluation.metric import PERCENT
from unharness.records.record import MetricRecord
from unharness.report.scale import Scale

REGISTERED = frozenset({"accuracy", "auroc", "exact-match", "f1", "perplexity", "rouge-l"})
"""Ids of the registry whose definition is also ours; shares there go from 0 to 1."""
ALIASES: Mapping[str, str] = {"acc": "accuracy"}
KINDS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "exact-match": "accuracy",
    "rouge-l": "text_overlap",
}
BOUNDS: Mapping[str, tuple[float, float]] = {
    PERCENT: (0.0, 100.0),
    "perplexity": (1.0, math.inf),
    "nats": (0.0, math.inf),
    "bits": (0.0, math.inf),
    "log10 p": (-math.inf, 0.0),
    "D": (0.0, 1.0),
}
"""By unit; of any other unit nothing is known."""
ROUNDING = 1e-6
"""How far outside of its bounds rounding may have put a value."""


@dataclass(frozen=True)
class EeeScale:
    """How a metric's numbers are written."""

    metric_id: str
    unit: str
    factor: float
    """Ours times this is theirs."""
    low: float
    high: float

    def value(self, ours: float) -> float:
        """Return a value of ours on this scale, rounding off the bounds undone."""
        return min(max(ours * self.factor, self.low), self.high)

    @property
    def bounds(self) -> dict[str, float | str]:
        """The bounds as the schema writes them."""
        return {"min_score": _bound(self.low), "max_score": _bound(self.high)}

    def is_best(self, value: float, *, lower_is_better: bool) -> bool:
        """Whether a value is the best that there is; never on a scale without such an end."""
        best = self.low if lower_is_better else self.high
        return math.isfinite(best) and abs(value - best) <= ROUNDING


def scale_of(metric: MetricRecord, name: str | None = None) -> EeeScale:
    """Return the scale of a metric.

    A share under a registered id goes from 0 to 1; ours stay in percent.

    Args:
        metric: of a record.
        name: what the harness that computed it calls it; None: the metric's own name.
    """
    own = name or metric.metric or "score"
    plain = ALIASES.get(own, own).replace("_", "-")
    registered = plain in REGISTERED and not metric.complement
    ending = ".complement" if metric.complement else ""
    factor = 0.01 if registered and metric.unit == PERCENT else 1.0
    low, high = BOUNDS.get(metric.unit, (-math.inf, math.inf))
    numbers = [one for one in (metric.value, *(metric.ci95 or ())) if one is not None]
    if any(one < low - ROUNDING for one in numbers):
        low = -math.inf
    if any(one > high + ROUNDING for one in numbers):
        high = math.inf
    return EeeScale(
        plain if registered else f"unharness.{own}{ending}",
        "proportion" if factor != 1.0 else {PERCENT: "percent"}.get(metric.unit, metric.unit),
        factor,
        low * factor,
        high * factor,
    )


def example_score(ours: float, metric: MetricRecord, scale: EeeScale) -> float:
    """Return one example's score on the metric's scale; of a perplexity it is kept as nats."""
    whole = math.exp(min(-ours, 700.0)) if Scale.of(metric.unit).log else ours
    return scale.value(whole)


def flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as scalars; others as JSON."""
    import json

    plain = (str, int, float, bool, type(None))
    return {
        name: value if isinstance(value, plain) else json.dumps(value, sort_keys=True)
        for name, value in parameters.items()
    }


def _bound(value: float) -> float | str:
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
