"""An observer that fails costs the columns that need it, and is named."""

from dataclasses import dataclass
from typing import ClassVar

import numpy
import pytest

from unharness import (
    DataOrigin,
    Engine,
    Example,
    Metric,
    MetricUse,
    ModelError,
    Observation,
    Observed,
    Observer,
    Split,
    TaskData,
)
from unharness.evaluation.columns import observer_versions, resolve_columns
from unharness.evaluation.observe import observe
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.scoring import score
from unharness.models.weights import WeightsRef
from unharness.registry import PluginInfo, load_registry


@dataclass(frozen=True)
class Odd(Observation):
    observer: ClassVar[str] = "odd"


@dataclass(frozen=True)
class Even(Observation):
    observer: ClassVar[str] = "even"


class Numbers(Metric):
    unit, direction = "n", "lower"

    def compute(self, seen, references):
        return seen.mean(seen.observed[self.observes()].arrays["numbers"].tolist())


class OddNumbers(Numbers):
    name = summary = "odd-numbers"

    def observes(self):
        return Odd()


class EvenNumbers(Numbers):
    name = summary = "even-numbers"

    def observes(self):
        return Even()


class EvenObserver(Observer):
    name = summary = "even"

    def observe(self, context, split, request, on_done):
        return Observed({"numbers": numpy.array([2.0, 4.0])})


class OddObserver(Observer):
    name = summary = "odd"
    version = 3

    def observe(self, context, split, request, on_done):
        return self.act()


class Silent(Engine):
    name = summary = "silent"

    def load(self, weights): ...

    def generate(self, prompts, sampling, on_done=None):
        return [""] * len(prompts)

    def close(self): ...


def scored(act):
    """Scores and versions where the odd observer does this."""
    found = load_registry()
    plugin = PluginInfo("mine", "my-package", "1.2", "mine")
    odd = type("OddObserver", (OddObserver,), {"act": lambda self: act()})
    for kind, classes in {
        "observers": (odd, EvenObserver),
        "metrics": (OddNumbers, EvenNumbers),
    }.items():
        for one in classes:
            found.add(kind, one, plugin)
    assert plugin.errors == []
    rows = (Example("0", "a", "b"), Example("1", "c", "d"))
    data = TaskData.of([Split("s", "forget", examples=rows)], DataOrigin("path", "by hand"))
    uses = [MetricUse("odd-numbers", "s"), MetricUse("even-numbers", "s")]
    columns = resolve_columns(uses, data.splits, found)
    context = ObserverContext(WeightsRef(None, None), Silent(), 10, 10)
    observations = observe(context, data, columns, found, bootstrap_seed=0)
    assert observer_versions(columns, found) == {"odd": 3}
    return score(columns, observations, found)


def raises(error):
    def act():
        raise error

    return act


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (raises(ValueError("no such layer")), "ValueError: no such layer"),
        (raises(SystemExit(3)), "SystemExit"),
        (lambda: {"numbers": [1.0]}, "gave dict, not Observed"),
        (lambda: Observed({"numbers": [1.0, 3.0]}), "'numbers' is list, not a numpy array"),
        (lambda: Observed({"numbers": numpy.array([object()] * 2)}), "holds objects"),
        (lambda: Observed(texts={"t": [float("nan")]}), "no JSON value"),
        (lambda: Observed(texts={"t": [{1, 2}]}), "no JSON value"),
    ],
)
def test_a_faulty_observer_costs_its_columns_alone(act, problem):
    scores = scored(act)
    odd = scores["odd-numbers_s"]
    assert (odd.value, odd.faulty) == (None, True)
    assert "observer 'odd' of plugin 'mine' (my-package 1.2) failed: " in odd.reason
    assert problem in odd.reason
    assert scores["even-numbers_s"].value == 3.0


def test_a_broken_model_is_no_fault_of_an_observer():
    with pytest.raises(ModelError, match="run away"):
        scored(raises(ModelError("its weights have run away")))


def test_a_healthy_observer_is_observed():
    scores = scored(lambda: Observed({"numbers": numpy.array([1.0, 3.0])}))
    assert scores["odd-numbers_s"].value == 2.0
