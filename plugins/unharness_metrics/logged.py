"""Numbers by example that a log holds already, such as a ROUGE score of a text it does not hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from unharness import (
    Metric,
    Observation,
    Observed,
    Observer,
    ObserverContext,
    Score,
    Seen,
    Split,
)


@dataclass(frozen=True)
class Logged(Observation):
    """A number by example, of that name in a log."""

    observer: ClassVar[str] = "logged"
    number: str = ""


class LoggedObserver(Observer):
    """Observes nothing: what it stands for is read from logs."""

    name = Logged.observer
    summary = "Numbers by example that an evaluation log holds."

    def observe(
        self,
        context: ObserverContext,
        split: Split,
        request: Observation,
        on_done: Callable[[int, int], None],
    ) -> Observed:
        """Say that a model has none."""
        return Observed.missing("only an evaluation log has it: unharness score --from-log FILE")


def observed_numbers(values: Sequence[float | None]) -> Observed:
    """Return numbers in the form that is stored, nan for None."""
    import numpy

    kept = [math.nan if value is None else value for value in values]
    return Observed({"values": numpy.array(kept, dtype=numpy.float64)})


class LoggedShare(Metric):
    """Mean over examples of a logged share, which is 0 … 1 there, in %."""

    name = "logged_share"
    summary = "Mean of a share that an evaluation log holds by example."
    unit = "%"
    direction = "higher"
    formula = "100 · mean over examples of the number that a log holds, 0 … 1"
    good = "As for the metric that the log's number is of."
    traps = ("Nothing is computed anew: how the number was made, only the log's author knows.",)

    class Params(Metric.Params):
        """Which number."""

        number: str = Field("", description="its name in the log")

    params: Params

    def observes(self) -> Logged:
        """Ask for the number."""
        return Logged(self.params.number)

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same."""
        values = seen.observed[Logged(self.params.number)].arrays["values"].tolist()
        return seen.mean([None if math.isnan(one) else 100.0 * one for one in values])
