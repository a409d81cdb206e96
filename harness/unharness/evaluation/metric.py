"""What a metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from unharness.evaluation.observations import Observations
from unharness.evaluation.statistics import Estimate

Direction = Literal["higher", "lower", "match_reference"]


@dataclass(frozen=True)
class Score:
    """What a metric gives."""

    value: float | None
    """None when there is nothing to compute it from; `reason` says why."""
    n: int
    """Examples scored."""
    n_unscored: int = 0
    """Examples that could not be scored."""
    ci95: tuple[float, float] | None = None
    stderr: float | None = None
    reason: str = ""
    per_example: dict[str, list[float | None]] = field(default_factory=dict)
    """By split: one value an example, None where it was not scored."""
    faulty: bool = False
    """Set by unharness, where the metric raised or gave no score; `reason` names its plugin."""

    @classmethod
    def of(cls, estimate: Estimate, per_example: dict[str, list[float | None]]) -> Score:
        """Return an estimate as a score, counting what was scored."""
        values = [value for column in per_example.values() for value in column]
        scored = sum(value is not None for value in values)
        return cls(
            estimate.value,
            scored,
            len(values) - scored,
            estimate.ci95,
            estimate.stderr,
            per_example=per_example,
        )

    @classmethod
    def missing(cls, reason: str, n_unscored: int = 0) -> Score:
        """Return a score without value."""
        return cls(None, 0, n_unscored, reason=reason)


class Metric(ABC):
    """A number that says how a model does. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    unit: ClassVar[str]
    direction: ClassVar[Direction]
    """`match_reference`: as close to the retrained model's as can be."""
    needs: ClassVar[Sequence[tuple[str, str]]]
    """Pairs of what must be observed (`token_scores` or `generated`) and on which split."""

    @abstractmethod
    def compute(self, observations: Observations) -> Score:
        """Return the metric's value, with `Score.missing` where there is none."""
