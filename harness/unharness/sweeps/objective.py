"""What tuning optimizes: a number of a finished run on the validation part.

By default it is closeness to a model that was retrained without the validation part's forget
split; the retrained model of the evaluation is never used to choose.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from typing import ClassVar

from unharness.data.named_task import make_task
from unharness.errors import UsageError, suggestion
from unharness.evaluation.uses import direction_of, labels_of, uses_of
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow
from unharness.registry import Registry
from unharness.report.closeness import CLOSENESS
from unharness.report.record_closeness import closeness_of


class Objective(ABC):
    """A number by which trials are compared."""

    label: str
    """What it is called."""
    higher: bool
    """Whether more is better."""
    references: ClassVar[Set[ReferenceRow]] = frozenset()
    """The reference rows of the validation part that it needs."""

    def limits(self, record: RunRecord, store: RecordStore) -> list[str]:
        """Return what the user should know of what it measures, given the target's own row."""
        return []

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


class ClosenessObjective(Objective):
    """Closeness to the retrained model, in %, by the reference rows that lie beside the run."""

    label = CLOSENESS
    higher = True
    references = frozenset(REFERENCE_ROWS)

    def value(self, record: RunRecord, store: RecordStore) -> tuple[float | None, str | None]:
        """Return the closeness of a run to the retrained models of its target."""
        values, notes = closeness_of(record, store)
        if CLOSENESS in values:
            return values[CLOSENESS].value, None
        return None, f"closeness cannot be measured. {' '.join(notes)}"

    def limits(self, record: RunRecord, store: RecordStore) -> list[str]:
        """Return which splits closeness leaves out, and what else its notes say."""
        return closeness_of(record, store)[1]


def make_objective(name: str | None, task_name: str, registry: Registry) -> Objective:
    """Return what a task is tuned for.

    Args:
        name: the label of a column; None, or `closeness`: closeness to the retrained model.
        task_name: the task's, perhaps with parameters.
        registry: knows the plugins.

    Raises:
        UsageError: the task does not measure it, or it is to match the retrained model.
        PluginError: the task fails.
    """
    task = make_task(task_name, registry)
    with registry.named("tasks", task.name):
        uses = uses_of(task, registry)
        if name in (None, CLOSENESS):
            if not task.gold:
                raise UsageError(
                    f"task {task_name!r} has no retrained model to be close to; give --objective "
                    f"and a column: {', '.join(labels_of(uses))}"
                )
            return ClosenessObjective()
        direction = direction_of(name, uses, registry)
    if direction is None:
        raise UsageError(
            f"task {task_name!r} does not measure {name!r}."
            f"{suggestion(name, [CLOSENESS, *labels_of(uses)])}"
        )
    if direction == "match_reference":
        raise UsageError(
            f"{name!r} is best where it matches the retrained model; tuning needs a "
            "metric of which more, or less, is better"
        )
    return ColumnObjective(name, direction == "higher")
