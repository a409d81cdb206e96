"""The documented format of evaluation logs: one JSON object, numbers by example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unharness import EvaluationLog, LogReader
from unharness_metrics.attacks import Attack
from unharness_metrics.log_numbers import (
    LoggedExample,
    LoggedSplit,
    LogRole,
    Reference,
    evaluation_log,
)

MARK = "unharness_log"
Finite = Annotated[float, Field(allow_inf_nan=False)]
Nats = Annotated[float, Field(allow_inf_nan=False, ge=0)]
"""A mean NLL: below 0 a probability would be above 1."""
Several = Nats | None | list[Nats | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Example(_Part):
    id: str | int | None = None
    group: str = ""
    nll: Nats | None = None
    paraphrase: Several = None
    perturbed: Several = None
    attacks: dict[Attack, Finite | None] = Field(default_factory=dict)
    shares: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")],
        Annotated[float, Field(ge=0, le=1)] | None,
    ] = Field(default_factory=dict)
    answer: str = ""
    generated: str | None = None


class _Split(_Part):
    role: LogRole
    examples: list[_Example]

    @model_validator(mode="after")
    def _distinct(self) -> _Split:
        names = Counter(_id(row, at) for at, row in enumerate(self.examples))
        [(name, count)] = names.most_common(1) or [("", 0)]
        if count > 1:
            raise ValueError(f"{count} examples have the id {name!r}")
        return self


class _Model(_Part):
    splits: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$")], _Split]


class _Log(_Model):
    unharness_log: Literal[1]
    model: str = ""
    references: dict[Literal["target", "retrained"], list[_Model]] = Field(default_factory=dict)


class UnharnessLog(LogReader):
    """`{"unharness_log": 1, "splits": {NAME: {"role": …, "examples": […]}}}`: docs/metrics.md."""

    name = "unharness"
    summary = "The documented format: numbers by example, splits by role (docs/metrics.md)."

    def accepts(self, content: Mapping[str, Any]) -> bool:
        """Go by the mark."""
        return MARK in content

    def read(self, content: Mapping[str, Any]) -> EvaluationLog:
        """Check every field."""
        log = _Log.model_validate(content)
        references: dict[Reference, list[EvaluationLog]] = {
            name: [evaluation_log(_splits(one)) for one in models]
            for name, models in log.references.items()
        }
        return evaluation_log(_splits(log), references)


def _splits(model: _Model) -> list[LoggedSplit]:
    return [
        LoggedSplit(
            name,
            split.role,
            tuple(
                LoggedExample(
                    id=_id(row, at),
                    nll=row.nll,
                    paraphrase=_several(row.paraphrase),
                    perturbed=_several(row.perturbed),
                    attacks=row.attacks,
                    shares=row.shares,
                    answer=row.answer,
                    generated=row.generated,
                    group=row.group,
                )
                for at, row in enumerate(split.examples)
            ),
        )
        for name, split in model.splits.items()
    ]


def _id(row: _Example, at: int) -> str:
    return str(at if row.id is None else row.id)


def _several(value: Several) -> tuple[float | None, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)
