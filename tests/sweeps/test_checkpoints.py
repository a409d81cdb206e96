"""Measuring along a training: which runs there are, and what is chosen among them."""

import json
import runpy
from pathlib import Path

import pytest

from unharness import LossMethod
from unharness.pipeline.checkpoint_runs import checkpoint_requests, has_checkpoints
from unharness.records.record import TrainingRecord
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.checkpoints import with_checkpoints
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.final_runs import final_requests
from unharness.sweeps.studies import give_places, make_studies
from unharness.sweeps.study_file import facts
from unharness.sweeps.trial import Budget, Finals, Trial
from unharness.sweeps.tune import Effort, tune

_invented = runpy.run_path(str(Path(__file__).with_name("invented_runs.py")))
Invented, STEPS = _invented["Invented"], _invented["STEPS"]


def test_a_stop_is_part_of_the_identity_only_where_it_is_set():
    whole = LossMethod.Config().model_dump(mode="json")
    assert "stop_after" not in whole
    assert LossMethod.Config(stop_after=3).model_dump(mode="json") == whole | {"stop_after": 3}


def test_the_runs_at_checkpoints_stop_there_and_have_none_themselves():
    request = RunRequest(set={"lr": 0.1}, seed=4, checkpoints=3)
    found = checkpoint_requests(request, 6)
    assert {at: one.set for at, one in found.items()} == {
        2: {"lr": 0.1, "stop_after": 2},
        4: {"lr": 0.1, "stop_after": 4},
    }
    assert {(one.checkpoints, one.seed) for one in found.values()} == {(None, 4)}
    assert checkpoint_requests(request, 1) == {}
    assert checkpoint_requests(RunRequest(), 6) == {}


def trial(run_id, value, steps, seconds=2.0, error=None, trained=True):
    budget = Budget(steps, 2 * steps, 10 * steps, 0.5) if trained else Budget()
    return Trial({"lr": 0.1}, run_id, value, seconds, error, budget)


def test_the_best_checkpoint_gives_value_run_and_number_of_steps():
    end = trial("end", 70.0, 8)
    points = {
        6: trial("six", 90.0, 6, trained=False),
        2: trial("two", None, 2, error="a probability is not finite", trained=False),
        4: trial("four", 90.0, 4),  # its weights were lost: it was trained by itself
    }
    found = with_checkpoints(end, points, higher=True)
    assert (found.value, found.run_id, found.stop_after) == (90.0, "four", 4)
    assert found.settings == {"lr": 0.1}
    assert found.chosen_settings == {"lr": 0.1, "stop_after": 4}
    assert [one.steps for one in found.checkpoints] == [2, 4, 6, 8]
    assert [one.value for one in found.checkpoints] == [None, 90.0, 90.0, 70.0]
    # All that was measured counts, and all that was trained.
    assert found.seconds == 8.0
    assert found.training == Budget(12, 24, 120, 1.0)
    assert found.evaluations == 4
    assert Trial.of(found.settings, json.loads(json.dumps(found.outcome()))) == found


def test_a_trial_that_is_best_at_its_end_stops_nowhere():
    found = with_checkpoints(trial("end", 70.0, 8), {4: trial("four", 90.0, 4)}, higher=False)
    assert (found.value, found.run_id, found.stop_after) == (70.0, "end", None)
    assert found.chosen_settings == {"lr": 0.1}


def test_weights_from_the_cache_are_no_further_training(make_record):
    done = TrainingRecord(steps=3, examples=6, tokens=30)
    record = make_record("kl").model_copy(update={"training": done})
    record.cost.stages = {"observe": 2.0}
    assert Budget.beyond_cache(record) == Budget()
    record.cost.stages = {"unlearn (kl)": 1.0, "observe": 2.0}
    assert Budget.beyond_cache(record) == Budget.of(record)
    assert Budget.of(record).steps == 3


@pytest.mark.slow
def test_the_number_of_steps_goes_into_finalists_and_final_runs(tmp_path):
    """Early in the training the invented runs are better."""

    def value(request):
        return 80.0 - float(request.set.get("stop_after", STEPS))

    requests = [RunRequest(method="kl", model="micro", data="standin", results=str(tmp_path))]
    studies = make_studies(requests, "success_avg", registry(), finals=Finals(1, 2), checkpoints=2)
    executor = Invented(registry(), value)
    tune(studies, Effort(1), executor, registry(), SweepObserver())
    [study] = studies
    assert study.chosen.settings["stop_after"] == STEPS // 2
    assert study.chosen.value == 75.0
    assert [(one.set.get("stop_after"), one.seed) for one in executor.requests] == [
        (None, 0),
        (5, 0),
        (5, 1),
        (5, 2),
    ]
    assert [one.checkpoints for one in executor.requests] == [2, None, None, None]
    told = facts(study)
    assert told["checkpoints"] == 2
    assert told["budget"]["trials"]["evaluations"] == 2
    assert told["settings"] == told["finalists"][0]["settings"] == study.chosen.settings
    final = final_requests(requests, studies, [0])
    assert [(one.set["stop_after"], one.checkpoints) for one in final] == [(5, None)]


def test_a_method_that_is_no_loss_is_measured_at_its_end_alone():
    assert has_checkpoints(registry().get("methods", "kl"))
    assert not has_checkpoints(registry().get("methods", "retrain"))


def test_studies_with_and_without_checkpoints_are_two(tmp_path):
    def places(checkpoints):
        request = RunRequest(method="kl", model="micro", data="standin", results=str(tmp_path))
        studies = make_studies([request], "success_avg", registry(), checkpoints=checkpoints)
        give_places(studies, registry(), SweepObserver())
        return studies[0].file

    assert len({places(None), places(2), places(3)}) == 3
