"""What tuning optimizes: a number of a finished run on the validation part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from typing import ClassVar

from unharness.data.task import Task
from unharness.errors import UsageError, suggestion
from unharness.evaluation.uses import direction_of, labels_of
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import ReferenceRow
from unharness.registry import Registry


class Objective(ABC):
    """A number by which trials are compared."""

    label: str
    """What it is called."""
    higher: bool
    """Whether more is better."""
    references: ClassVar[Set[ReferenceRow]] = frozenset()
    """The reference rows of the validation part that it needs."""

    @abstractmethod
    def value(self, record: RunRecord, store: RecordStore) -> tuple[float | None, str | None]:
        """Return the value of a finished run, or None and why there is none.

        Args:
            record: the run's.
            store: where it lies, and its reference rows beside it.
        """


class ColumnObjective(Objective):
    """A column of the task's."""

    def __init__(self, label: str, higher: bool) -> None:
        self.label, self.higher = label, higher

    def value(self, record: RunRecord, store: RecordStore) -> tuple[float | None, str | None]:
        """Return the column's value."""
        metric = record.metrics.get(self.label)
        if metric is not None and metric.value is not None:
            return metric.value, None
        return None, f"its record has no value of {self.label}"


def make_objective(name: str | None, task_name: str, registry: Registry) -> Objective:
    """Return what a task is tuned for.

    Args:
        name: the label of a column; None: the task's headline.
        task_name: the task's.
        registry: knows the plugins.

    Raises:
        UsageError: the task does not measure it, or it is to match the retrained model.
        PluginError: the task fails.
    """
    with registry.named("tasks", task_name):
        task: type[Task] = registry.get("tasks", task_name)
        column = name or task.headline
        direction = direction_of(column, task.metrics, registry)
    if direction is None:
        raise UsageError(
            f"task {task_name!r} does not measure {column!r}."
            f"{suggestion(column, labels_of(task.metrics))}"
        )
    if direction == "match_reference":
        raise UsageError(
            f"{column!r} is best where it matches the retrained model; tuning needs a "
            "metric of which more, or less, is better"
        )
    return ColumnObjective(column, direction == "higher")
