"""What a metric is, and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from unharness.evaluation.requests import Observation
from unharness.reference_rows import ReferenceRow

if TYPE_CHECKING:
    from unharness.axes import Axis
    from unharness.evaluation.seen import Seen
    from unharness.evaluation.statistics import Estimate

Direction = Literal["higher", "lower", "match_reference"]
PERCENT = "%"


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
    replicates: Any = field(default=None, compare=False, repr=False)
    """The value in each bootstrap resample, for composites; None where there is no interval."""

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
            replicates=estimate.replicates,
        )

    @classmethod
    def missing(cls, reason: str, n_unscored: int = 0) -> Score:
        """Return a score without value."""
        return cls(None, 0, n_unscored, reason=reason)

    def complement(self) -> Score:
        """Return 100 minus the score, for one in %."""
        return replace(
            self,
            value=None if self.value is None else 100.0 - self.value,
            ci95=self.ci95 and (100.0 - self.ci95[1], 100.0 - self.ci95[0]),
            per_example={
                split: [None if value is None else 100.0 - value for value in column]
                for split, column in self.per_example.items()
            },
            replicates=None if self.replicates is None else 100.0 - self.replicates,
        )


class Metric(ABC):
    """A number computed from what was observed on a split. Derive from it and register the class.

    A metric knows no task and no split: a task lists uses of it (`MetricUse`).
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever the same observations give another number; it stands by every number."""
    formula: ClassVar[str] = ""
    """What it computes, as a formula in words and symbols that `unharness explain` shows; this and
    the next two are no part of its source hash."""
    good: ClassVar[str] = ""
    """What a good value is, on which splits."""
    traps: ClassVar[Sequence[str]] = ()
    """What a value does not mean, and when numbers cannot be compared."""
    unit: ClassVar[str]
    direction: ClassVar[Direction]
    """Which values are better, unless a task's use says otherwise. `match_reference`: as close to
    the retrained model's as can be."""
    axis: ClassVar[Axis | None] = None
    """What it says something about, whatever its split, such as `privacy`; None: as the split."""
    references: frozenset[ReferenceRow] = frozenset()
    """The models whose observations it needs besides: `retrained`, `target`, `base`. A metric
    whose parameters decide sets it when it is made."""

    class Params(BaseModel):
        """What a task may set. Derive from it to add some; every field needs a default."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **params: Any) -> None:
        """Take parameters by name.

        Raises:
            pydantic.ValidationError: one is unknown, or has an impossible value.
        """
        self.params = self.Params(**params)

    @abstractmethod
    def observes(self) -> Observation:
        """Return what must be observed on its split, and on the one it is set against."""

    @abstractmethod
    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Return the metric's value, with `Score.missing` where there is none.

        Args:
            seen: what was observed of the model on the split; `seen.against` on the other one.
            references: by name in `references`: the same of each such model, one a seed, at
                least one.
        """
