"""Evaluation logs made elsewhere: per-example numbers that metrics are computed from."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from unharness.data.examples import Split
from unharness.errors import DataError, reason_of, refused_place
from unharness.evaluation.columns import resolve_columns
from unharness.evaluation.log_matching import matching_notes
from unharness.evaluation.metric_records import metric_records
from unharness.evaluation.observed import Observed
from unharness.evaluation.requests import Observation
from unharness.evaluation.scoring import Observations, score
from unharness.evaluation.uses import Use
from unharness.records.record import MetricRecord
from unharness.reference_rows import ReferenceRow
from unharness.registry import Registry

KIND = "logs"


@dataclass(frozen=True)
class EvaluationLog:
    """What a log says of one model, as if it had been observed."""

    splits: Sequence[Split]
    """With as many examples as the log has."""
    observed: Mapping[tuple[str, Observation], Observed]
    """By split and request."""
    uses: Sequence[Use]
    """What can be computed from it."""
    references: Mapping[ReferenceRow, Sequence[EvaluationLog]] = field(default_factory=dict)
    beside_target: Sequence[Use] = ()
    """Columns that are computed besides where there is a log of the target model."""
    """Logs of reference models that the same file holds."""


class LogReader(ABC):
    """Reads one format of evaluation logs. Derive from it and register the class."""

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""

    @abstractmethod
    def accepts(self, content: Mapping[str, Any]) -> bool:
        """Return whether a JSON object is of this format, by the names in it."""

    @abstractmethod
    def read(self, content: Mapping[str, Any]) -> EvaluationLog:
        """Return what it says.

        Raises:
            DataError, pydantic.ValidationError: it is malformed; the message says where.
        """


def read_log(path: Path, registry: Registry) -> EvaluationLog:
    """Read a log, whatever its format. NaN and infinity, which JSON has not, are read as null.

    Raises:
        DataError: it cannot be read, is of no known format, or is malformed; names the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({reason_of(error)})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object, got {type(content).__name__}")
    names = registry.names(KIND)
    for name in names:
        with registry.named(KIND, name):
            reader: LogReader = registry.get(KIND, name)()
            accepted = reader.accepts(content)
        if not accepted:
            continue
        try:
            return reader.read(content)
        except ValidationError as error:
            raise DataError(
                f"{path}: not a log of format {name}: {refused_place(error)}"
            ) from error
        except DataError as error:
            raise DataError(f"{path}: not a log of format {name}: {error}") from error
    raise DataError(f"{path}: a log of no known format. Known: {', '.join(names)}.")


def score_log(
    log: EvaluationLog,
    references: Mapping[ReferenceRow, Sequence[EvaluationLog]],
    registry: Registry,
    *,
    bootstrap_seed: int = 0,
    on_note: Callable[[str], None] = lambda note: None,
) -> dict[str, MetricRecord]:
    """Compute what a log allows, with the metrics that runs are measured by.

    Args:
        log: of a model.
        references: logs of reference models, besides those that the file holds.
        registry: knows the metrics.
        bootstrap_seed: of the intervals.
        on_note: called with a line for each reference log with examples that the log does not have.

    Raises:
        DataError: examples are joined by their place, and a reference log has another number.
    """

    def observations(one: EvaluationLog) -> Observations:
        splits = {split.name: split for split in one.splits}
        return Observations(splits, one.observed, bootstrap_seed)

    own = observations(log)
    given: dict[str, list[Observations]] = {
        name: [observations(one) for one in (*log.references.get(name, ()), *others)]
        for name, others in (dict.fromkeys(log.references, ()) | dict(references)).items()
    }
    uses = (*log.uses, *(log.beside_target if given.get("target") else ()))
    columns = resolve_columns(uses, own.splits, registry)
    for note in matching_notes(columns, own, given):
        on_note(note)
    return metric_records(columns, score(columns, own, registry, given))
