"""Two records of one run compared: weights, metrics, versions and hardware."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from unharness.records.record import MetricRecord, RunRecord

Verdict = Literal["equal", "within", "outside", "missing"]
ROUNDING = 1e-9
"""Relative: of a value without an interval, how far it may be off and still count as equal."""
IGNORED = ("plugins",)
"""Parts of the provenance that are compared by the sources in the spec."""


@dataclass(frozen=True)
class Difference:
    """One fact that was another the second time."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class MetricChange:
    """One metric of both records."""

    label: str
    before: float | None
    after: float | None
    unit: str
    interval: tuple[float, float] | None
    """The first record's 95% interval over examples: the noise floor."""
    verdict: Verdict
    """`within`: not equal, but inside the interval; `missing`: only one of them has a value, or
    they are of different versions or parameters of the metric."""


@dataclass(frozen=True)
class Reproduction:
    """What came of running a record again."""

    record: RunRecord
    again: RunRecord | None
    """None where it is no longer the same run."""
    spec: tuple[Difference, ...] = ()
    """What of the spec is no longer the same: nothing was run."""
    weights: tuple[Difference, ...] = ()
    """Hashes of weights that differ: of the target, the unlearned model, and after attacks."""
    metrics: tuple[MetricChange, ...] = ()
    surroundings: tuple[Difference, ...] = ()
    """Versions and hardware that differ."""

    @property
    def bits_expected(self) -> bool:
        """Whether weights should be equal bit for bit: on a CPU, in the same surroundings."""
        return self.record.spec.device == "cpu" and not self.surroundings

    @property
    def reproduced(self) -> bool:
        """Whether every metric is within its noise, and the weights are equal where expected."""
        if self.again is None or any(one.verdict in ("outside", "missing") for one in self.metrics):
            return False
        return not (self.weights and self.bits_expected)


def compared(record: RunRecord, again: RunRecord) -> Reproduction:
    """Compare two records of one run, evaluated in one way."""
    return Reproduction(
        record,
        again,
        weights=tuple(differences(_weights(record), _weights(again))),
        metrics=tuple(_metrics(record, again)),
        surroundings=tuple(differences(_surroundings(record), _surroundings(again))),
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the facts in which two nested mappings differ, by name as in `a.b`."""
    first, second = dict(_flat(before)), dict(_flat(after))
    names = dict.fromkeys((*first, *second))
    return [
        Difference(name, first.get(name), second.get(name))
        for name in names
        if first.get(name) != second.get(name)
    ]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _weights(record: RunRecord) -> dict[str, Any]:
    found = {
        "target": record.target.weights_hash if record.target else None,
        "unlearned": record.training.weights_hash if record.training else None,
    }
    return found | {
        f"after {place}. attack ({one.name})": one.weights_hash
        for place, one in enumerate(record.attacks, start=1)
    }


def _surroundings(record: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in record.provenance.items() if name not in IGNORED}


def _metrics(record: RunRecord, again: RunRecord) -> Iterator[MetricChange]:
    """Yield the first record's columns; what the task measures only today is no part of it."""
    for label, before in record.metrics.items():
        after = again.metrics.get(label)
        values = before.value, after.value if after else None
        if values != (None, None):
            verdict = _verdict(before, after)
            yield MetricChange(label, *values, before.unit, before.ci95, verdict)


def _verdict(before: MetricRecord, after: MetricRecord | None) -> Verdict:
    if after is None or before.value is None or after.value is None:
        return "missing"
    if before.origin() != after.origin():
        return "missing"
    if before.value == after.value:
        return "equal"
    if before.ci95 is not None:
        low, high = before.ci95
        return "within" if low <= after.value <= high else "outside"
    return "equal" if math.isclose(before.value, after.value, rel_tol=ROUNDING) else "outside"
