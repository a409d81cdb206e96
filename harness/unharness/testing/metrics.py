"""The suite of metrics."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, get_args

import pytest

from unharness.evaluation.metric import Direction, Metric, Score
from unharness.evaluation.metric_plugins import compute
from unharness.evaluation.requests import Observation
from unharness.evaluation.seen import Seen
from unharness.registry import registry
from unharness.testing.seen import drawn_seen, permuted
from unharness.testing.suite import Conformance

SLACK = 1e-9


@dataclass(frozen=True)
class Oracle:
    """A known answer: observations, and the value that the metric must give for them."""

    seen: Seen
    value: float | None
    """None: the metric must say that there is no value."""
    params: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, Sequence[Seen]] = field(default_factory=dict)
    tolerance: float = 1e-6
    """Absolute, and relative to the value."""


class MetricConformance(Conformance):
    """Checks of a metric, on observations that are drawn, without a model: set `plugin`."""

    plugin: ClassVar[type[Metric]]
    params: ClassVar[Mapping[str, Any]] = {}
    """Parameters of the metric that the checks work with."""
    oracles: ClassVar[Sequence[Oracle]] = ()
    """Worked examples. A metric without any is checked for nothing that it means."""
    against: ClassVar[bool] = False
    """Whether it needs a second split that the first is set against."""

    def made_metric(self, **more: Any) -> Metric:
        """Return the metric with these parameters."""
        return self.plugin(**{**self.params, **more})

    def seen(self, metric: Metric, seed: int, count: int = 12) -> Seen:
        """Return observations of a model; override it for a request of your own observer."""
        parts = metric.observes().parts()
        found = drawn_seen(parts, seed=seed, count=count)
        if not self.against:
            return found
        return replace(found, against=drawn_seen(parts, seed=seed, count=count, name="holdout"))

    def permuted(self, seen: Seen, order: Sequence[int]) -> Seen:
        """Return the same with the examples in another order; override it together with `seen`."""
        return permuted(seen, order)

    def test_it_says_what_it_is(self) -> None:
        """Unit and direction are given, and it asks for observations that somebody makes."""
        metric = self.made_metric()
        assert isinstance(metric.unit, str), "unit is no text"
        assert metric.unit, "unit is empty"
        assert metric.direction in get_args(Direction), f"direction is {metric.direction!r}"
        request = metric.observes()
        assert isinstance(request, Observation), f"observes() gave {request!r}"
        assert metric.observes() == request, "observes() gives another request each time"
        with pytest.raises(ValueError, match="no_such_parameter"):
            self.plugin(no_such_parameter=1)
        kept = json.loads(json.dumps(metric.params.model_dump(mode="json")))
        assert self.plugin(**kept).params == metric.params, "parameters do not survive a record"

    def test_known_answers(self) -> None:
        """It gives the values of the author's worked examples."""
        if not self.oracles:
            pytest.skip("the suite names no oracles")
        for number, oracle in enumerate(self.oracles):
            metric = self.made_metric(**oracle.params)
            found = self._score(metric, oracle.seen, oracle.references)
            wanted = oracle.value
            if wanted is None:
                assert found.value is None, f"oracle {number}: {found.value}, expected no value"
                assert found.reason, f"oracle {number}: a missing value needs a reason"
                continue
            near = pytest.approx(wanted, rel=oracle.tolerance, abs=oracle.tolerance)
            assert found.value == near, f"oracle {number}"

    def test_the_order_of_examples_does_not_count(self) -> None:
        """Value and values by example are those of the same examples in another order."""
        metric, seen = self.made_metric(), self._seen(0)
        references = self._references(metric)
        order = list(range(len(seen.examples)))
        random.Random(7).shuffle(order)
        mixed = self.permuted(seen, order)
        if seen.against is not None:
            mixed = replace(mixed, against=self.permuted(seen.against, order))
        others = {
            name: [self.permuted(one, order) for one in rows] for name, rows in references.items()
        }
        one, other = self._score(metric, seen, references), self._score(metric, mixed, others)
        assert (one.value is None) == (other.value is None)
        if one.value is not None:
            assert other.value == pytest.approx(one.value, rel=1e-9, abs=1e-9)
        own = one.per_example.get(seen.split.name)
        if own is not None:
            for index, value in zip(order, other.per_example[seen.split.name], strict=True):
                assert _equal(own[index], value), (
                    f"example {index} has {own[index]}, and {value} in another order"
                )

    def test_values_and_intervals_are_sane(self) -> None:
        """Numbers are finite, the interval holds the value, and every example is counted."""
        metric = self.made_metric()
        references = self._references(metric)
        for seed in range(3):
            seen = self._seen(seed)
            found = self._score(metric, seen, references)
            assert found.value is not None, f"no value: {found.reason}"
            assert math.isfinite(found.value)
            if found.ci95 is not None:
                low, high = found.ci95
                slack = SLACK * max(1.0, abs(found.value))
                assert low - slack <= found.value <= high + slack, (
                    f"{found.value} is outside of its interval {low} … {high}"
                )
            assert found.stderr is None or found.stderr >= 0, f"stderr is {found.stderr}"
            assert found.n > 0, "no example is counted"
            for split, column in found.per_example.items():
                assert split in {seen.split.name, getattr(seen.against, "split", seen.split).name}
                assert len(column) == len(seen.examples)

    def test_equal_observations_give_equal_scores(self) -> None:
        """Computed again, the score is the same, interval included."""
        metric, seen = self.made_metric(), self._seen(1)
        references = self._references(metric)
        one, other = (self._score(metric, seen, references) for _ in range(2))
        assert one == other

    def _seen(self, seed: int) -> Seen:
        return self.seen(self.made_metric(), seed)

    def _references(self, metric: Metric) -> dict[str, list[Seen]]:
        found: dict[str, list[Seen]] = {}
        for place, name in enumerate(sorted(metric.references)):
            seeds = (100 + 10 * place, 101 + 10 * place)
            examples = self._seen(0)
            rows = [replace(self._seen(seed), split=examples.split) for seed in seeds]
            found[name] = [
                one
                if one.against is None or examples.against is None
                else replace(one, against=replace(one.against, split=examples.against.split))
                for one in rows
            ]
        return found

    @staticmethod
    def _score(metric: Metric, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        found = compute(metric, seen, references, registry())
        assert not found.faulty, found.reason
        return found


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
