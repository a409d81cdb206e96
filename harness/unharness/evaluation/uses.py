"""How a task says what it measures: uses of metrics, and composites of those. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from unharness.axes import Axis

if TYPE_CHECKING:
    from unharness.data.task import Task
    from unharness.evaluation.metric import Direction, Metric
    from unharness.registry import Registry

CompositeKind = Literal["mean", "harmonic_mean", "residue", "gap", "share_of_target"]
_TURNED: dict[Direction, Direction] = {"higher": "lower", "lower": "higher"}
OWN_DIRECTIONS: Mapping[CompositeKind, Direction] = {"residue": "match_reference", "gap": "lower"}
"""Of kinds whose values are better elsewhere than their parts' are."""


@dataclass(frozen=True, init=False)
class MetricUse:
    """One metric on one split of a task, as a column.

    `MetricUse("auc", "forget", against="holdout", k=0.4)`: what is not named here, such as `k`, is
    a parameter of the metric.
    """

    metric: str
    """Its name."""
    split: str | None
    """None: a column for every evaluated split on which it can be observed."""
    against: str | None
    """A second split that the first is set against, such as a holdout."""
    label: str | None
    """The column's name; None: the metric's and the split's, with an underscore between them."""
    direction: Direction | None
    """None: the metric's own, turned round by `complement`."""
    complement: bool
    """Whether to give 100 minus the value, for metrics in %."""
    detail: bool
    """Whether tables leave the column out unless it is asked for; JSON, CSV and HTML have it."""
    optional: bool
    """Whether the column is left out where the data has no such split."""
    axis: Axis | None
    """What the column says something about; None: the metric's own axis, else that of the split's
    role, and `privacy` of what is set against a holdout."""
    params: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        metric: str,
        split: str | None = None,
        against: str | None = None,
        label: str | None = None,
        direction: Direction | None = None,
        complement: bool = False,
        detail: bool = False,
        optional: bool = False,
        axis: Axis | None = None,
        **params: Any,
    ) -> None:
        for name, value in {
            "metric": metric,
            "split": split,
            "against": against,
            "label": label,
            "direction": direction,
            "complement": complement,
            "detail": detail,
            "optional": optional,
            "axis": axis,
            "params": params,
        }.items():
            object.__setattr__(self, name, value)

    def direction_of(self, metric: Metric | type[Metric]) -> Direction:
        """Return which values are better: what the task says, else the metric."""
        own = metric.direction
        return self.direction or (_TURNED.get(own, own) if self.complement else own)

    def own_label(self) -> str | None:
        """Return the column's name, None for a use on every split."""
        return None if self.split is None else self.label_on(self.split)

    def label_on(self, split: str) -> str:
        """Return the column's name on a split."""
        if self.split is None:
            return f"{self.label or self.metric}_{split}"
        return self.label or f"{self.metric}_{split}"

    def label_pattern(self) -> str:
        """Return the column's name; of a use on every split `LABEL_*`."""
        return self.label_on(self.split or "*")


@dataclass(frozen=True)
class Composite:
    """A column that is computed from other ones.

    `mean`, `harmonic_mean`: of all parts, which have one unit. `residue`: (m − m_G) / (m_T − m_G)
    of one part, 1 as the target model, 0 as the retrained one, negative beyond it. `gap`: the size
    of that. `share_of_target`: 100 · m / m_T of one part, at most 100 %.

    m is the model's value, m_G the retrained model's and m_T the target model's, means over seeds.
    Residue and gap have no value where m_T and m_G are nearer than two standard errors of their
    difference: the part cannot tell the two models apart.
    """

    label: str
    kind: CompositeKind = "mean"
    of: tuple[str, ...] = ()
    """Labels of uses, of composites that stand before this one, or of general knowledge
    (`general/<task>`, `general_avg`)."""
    direction: Direction | None = None
    """None: that of its parts, which must be the same for all. A residue is to match, a gap low."""
    partial: bool = False
    """Whether it is of those of its parts that are there; else it is left out with any of them that
    is optional and not there."""
    axis: Axis | None = None
    """What the column says something about; None: the axis of its parts, if that is one."""
    detail: bool = False
    """Whether tables leave the column out unless it is asked for; JSON, CSV and HTML have it."""

    def label_pattern(self) -> str:
        """Return the column's name."""
        return self.label


Use = MetricUse | Composite


def uses_of(task: Task | type[Task], registry: Registry) -> tuple[Use, ...]:
    """Return a task's columns: its own, then those that plugins add.

    An added column whose label the task already uses is left out.
    """
    own = {use.label_pattern() for use in task.metrics}
    added = registry.task_metrics(task.name)
    return (*task.metrics, *(use for use in added if use.label_pattern() not in own))


def labels_of(uses: Sequence[Use]) -> list[str]:
    """Return the names of the columns that are known without data."""
    return [
        label
        for use in uses
        if (label := use.label if isinstance(use, Composite) else use.own_label())
    ]


def direction_of(label: str, uses: Sequence[Use], registry: Registry) -> Direction | None:
    """Return which values of a column are better, None where no use has that label."""
    for use in uses:
        if isinstance(use, Composite):
            if use.label == label:
                parts = (direction_of(part, uses, registry) for part in use.of)
                own = use.direction or OWN_DIRECTIONS.get(use.kind)
                return own or next(parts, None)
        elif label == use.own_label() or (use.split is None and label.startswith(use.label_on(""))):
            return use.direction_of(registry.get("metrics", use.metric))
    return None
