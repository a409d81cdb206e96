"""Tuning for closeness to the retrained model of the validation part, with invented numbers."""

import runpy
from pathlib import Path

import numpy
import pytest

from unharness.errors import MethodError
from unharness.records.per_example import KNOWN, SAID, SplitNumbers, example_key, group_indices
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.final_runs import compare_with_evaluation, final_requests
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.references import with_references
from unharness.sweeps.studies import make_studies
from unharness.sweeps.sweep import run_sweep
from unharness.sweeps.trial import Finals
from unharness.sweeps.tune import Effort, run_count, tune

pytestmark = pytest.mark.slow

_invented = runpy.run_path(str(Path(__file__).with_name("invented_runs.py")))
Invented = _invented["Invented"]
REFERENCES = {"base": (0.1, 0.1), "vanilla": (0.95, 0.95), "retrain": (0.3, 0.95)}
"""By method: how much is known of the forget split and of the retain split."""


def level(request):
    """How much a run knows: small learning rates change little, large ones forget everything."""
    if request.method in REFERENCES:
        return REFERENCES[request.method]
    rate = float(request.set["lr"])
    if rate < 3e-4:
        return 0.9, 0.95
    return (0.35, 0.85) if rate < 5e-3 else (0.0, 0.0)


def numbers(request, data):
    """Numbers of the evaluated examples about a run's level."""
    noise = numpy.random.default_rng(request.seed + sum(request.method.encode()))
    found = {}
    for split in data.evaluated():
        own = level(request)[split.role == "retain"]
        rows = [example_key(row.id) for row in split.examples]
        draws = {
            way: numpy.clip(own + noise.normal(0, 0.02, len(rows)), 0, 1) for way in (KNOWN, SAID)
        }
        groups = group_indices([row.group for row in split.examples])
        found[split.name] = SplitNumbers(split.role, tuple(rows), groups, {}, draws)
    return found


@pytest.fixture
def requests(tmp_path):
    shared = {"model": "tiny", "data": "standin", "results": str(tmp_path / "results")}
    return [RunRequest(method=name, **shared) for name in ("kl", "gradient-ascent")]


def test_the_best_is_what_comes_closest_to_the_validation_part_s_retrained_model(requests):
    studies = make_studies(requests, None, registry(), finals=Finals(2, 1))
    executor = Invented(registry(), lambda request: 50.0, numbers=numbers)
    effort = Effort(4)
    tune(studies, effort, executor, registry(), SweepObserver())
    made = [(one.method, one.seed) for one in executor.requests[:4]]
    assert made == [("base", 0), ("vanilla", 0), ("retrain", 0), ("retrain", 1)]
    assert len(executor.requests) == run_count(studies, effort, registry()) == 4 + 2 * (4 + 2)
    for study in studies:
        rates = [trial.settings["lr"] for trial in study.trials]
        assert all(0 <= trial.value <= 100 for trial in study.trials)
        best = max(study.trials, key=lambda trial: trial.value)
        assert 3e-4 <= best.settings["lr"] < 5e-3, (rates, study.trials)
        assert study.chosen.value > 60
        assert min(trial.value for trial in study.trials) < 20

    final = final_requests(requests, studies, (0,))
    plan = plan_sweep(with_references(final, registry()), registry())
    run_sweep(plan, executor, SweepObserver())
    compare_with_evaluation(studies, final, plan)
    for study in studies:
        assert study.evaluation["0"] == pytest.approx(study.chosen.value, abs=15)
    # The evaluation's retrained model is another one, made after all is chosen.
    parts = [(one.method, one.eval_split) for one in executor.requests]
    assert parts.count(("retrain", "validation")) == parts.count(("retrain", "evaluation")) == 2
    assert parts.index(("retrain", "evaluation")) > max(
        at for at, (_, part) in enumerate(parts) if part == "validation"
    )


def test_where_the_references_cannot_be_told_apart_tuning_ends_before_any_trial(requests):
    def alike(request, data):
        return numbers(request.model_copy(update={"method": "vanilla"}), data)

    studies = make_studies(requests, None, registry())
    executor = Invented(registry(), lambda request: 50.0, numbers=alike)
    with pytest.raises(MethodError, match="closeness cannot be measured.*--objective COLUMN"):
        tune(studies, Effort(4), executor, registry(), SweepObserver())
    assert len(executor.requests) == 4
