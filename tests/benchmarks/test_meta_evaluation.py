"""The arithmetic of the meta-evaluation."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def meta(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("meta_evaluation")


def test_robustness_oracles(meta):
    # reference/METRICS.md, section 12: U 0.10 -> 0.55, G 0.08 -> 0.30; rounded 0.10 -> 0.35.
    assert meta.symmetric(0.45, 0.22) == pytest.approx(0.656716, abs=5e-7)
    # OpenUnlearning's own form, min(r, 1), is another number.
    assert min(0.22 / 0.45, 1.0) == pytest.approx(0.488889, abs=5e-7)
    assert meta.symmetric(0.10, 0.35) == pytest.approx(0.444444, abs=5e-7)
    assert (meta.symmetric(0, 0), meta.symmetric(-1, 1), meta.symmetric(0.3, 0.3)) == (1, 0, 1)
    assert meta.harmonic(0.5, 1.0) == pytest.approx(2 / 3)
    assert meta.harmonic(0.0, 1.0) == 0.0


def test_auc_and_threshold(meta):
    assert meta.auc([0.5, 0.9, 1.4], [0.2, 0.5, 0.5, 1.0]) == 0.75
    assert meta.threshold([3.0, 5.0, 2.5], [1.0, 2.0, 2.9]) == pytest.approx(2.25)


def column(metric="exact_memorisation", complement=False, references=()):
    measured = SimpleNamespace(name=metric, references=references)
    return SimpleNamespace(label="m", metric=measured, complement=complement)


def record(value, retained=100.0):
    metrics = {
        "m": SimpleNamespace(value=value),
        "retention_success": SimpleNamespace(value=retained),
    }
    return SimpleNamespace(metrics=metrics)


def attacked(plain, relearn, rounded, retained=100.0):
    values = {"none": plain, "relearn": relearn, "quantize": rounded}
    return {name: record(value, retained) for name, value in values.items()}


def test_models_that_know_or_are_broken_do_not_count(meta):
    runs = {
        "vanilla 0": attacked(1.0, 1.0, 1.0),
        "retrain 0": attacked(0.08, 0.30, 0.08),
        "good 0": attacked(0.10, 0.55, 0.35),
        "knows 0": attacked(0.90, 0.95, 0.90),
        "broken 0": attacked(0.0, 0.9, 0.0, retained=79.0),
    }
    found = meta.robustness(column(), runs, cut=0.5)
    assert found["models"] == ["good 0"]
    assert found["relearn"] == pytest.approx(0.656716, abs=5e-7)
    assert found["quantize"] == pytest.approx(0.444444, abs=5e-7)
    assert found["robustness"] == pytest.approx(2 / (1 / 0.656716 + 1 / 0.444444), abs=1e-5)
    against = meta.robustness(column("divergence", references={"retrained"}), runs, cut=0.5)
    assert (against["relearn"], against["robustness"]) == (None, None)


def test_complements_are_turned_back(meta):
    turned = column(complement=True)
    assert meta.plain(turned, 30.0) == 70.0
    assert meta.signed(turned, 30.0) == 70.0
    assert meta.signed(column("answer_nats"), 2.0) == -2.0


def test_every_metric_of_the_forget_split_has_an_orientation(meta):
    from unharness import MetricUse
    from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

    names = {
        use.metric
        for use in KnowUnDoPrivacy.metrics
        if isinstance(use, MetricUse) and use.split == "forget_eval"
    }
    assert names - set(meta.KNOWS) == {"repetition"}  # it says nothing of knowledge


def test_the_forget_side_of_closeness_by_hand(meta):
    import meta_pools
    import numpy

    retrained = [
        {"known": numpy.array([0.2, 0.4]), "said": numpy.array([0.0, 0.0])},
        {"known": numpy.array([0.4, 0.4]), "said": numpy.array([0.0, 0.2])},
    ]
    target = {"known": numpy.ones(2), "said": numpy.ones(2)}
    assert meta_pools.forget_closeness(target, retrained, target) == 0.0
    middle = {"known": numpy.array([0.3, 0.4]), "said": numpy.array([0.0, 0.1])}
    assert meta_pools.forget_closeness(middle, retrained, target) == 100.0
    own = {"known": numpy.array([0.65, 0.7]), "said": numpy.array([0.0, 0.1])}
    # known: d = 0.325, z = 0.1 * sqrt(1.5 / 2), far = 0.65.
    floor = 0.1 * 0.75**0.5
    part = 1 - (0.325 - floor) / (0.65 - floor)
    assert meta_pools.forget_closeness(own, retrained, target) == pytest.approx(
        100 * 2 / (1 / part + 1)
    )
