"""A model on the way of its training is the one of a run that stops there."""

import pytest

from unharness.pipeline.engine_pool import EnginePool
from unharness.pipeline.resolve import resolve
from unharness.progress import Progress
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.executors.worker import run_job

pytestmark = pytest.mark.slow

STEPS = 6
"""Of 8 examples in batches of 4, three times."""


@pytest.fixture
def measured(tmp_path, data_folder):
    """measured("folder", method, …) -> the records of a run there, and of runs that stop."""

    def run(folder, method, stops=(), **options):
        request = RunRequest(
            method=method,
            model="micro",
            data=str(data_folder),
            suite="none",
            results=str(tmp_path / folder),
            limit_train=8,
            target_set={"epochs": 1},
            max_new_tokens=8,
            limit=2,
            **options,
        )
        found = registry()
        answer = run_job(request, found, Progress(), EnginePool(found))
        assert answer["outcome"] == "done", answer
        asked = [request]
        asked += [
            request.model_copy(update={"set": {**request.set, "stop_after": n}}) for n in stops
        ]
        store = RecordStore(request.results)
        return [store.find(resolve(one, found).spec) for one in asked]

    return run


@pytest.mark.parametrize(
    ("method", "options"),
    [("kl", {"tuning": "lora", "lora": {"dropout": 0.2}}), ("memflex", {"set": {"mu": "q0.5"}})],
)
def test_one_training_gives_the_models_of_all_its_checkpoints(
    measured, method, options, tmp_path, monkeypatch
):
    shared = options | {"epochs": 3, "batch_size": 4, "seed": 3}
    whole, first, second = measured("one", method, (2, 4), checkpoints=3, **shared)
    assert [one.training.steps for one in (whole, first, second)] == [STEPS, 2, 4]
    assert len({one.training.weights_hash for one in (whole, first, second)}) == 3
    # Nothing but the whole run was trained, and each was measured.
    worked = [any("unlearn" in name for name in one.cost.stages) for one in (whole, first, second)]
    assert worked == [True, False, False]
    assert len({one.metrics["unlearn_ppl"].value for one in (whole, first, second)}) == 3

    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "empty"))
    alone = shared | {"set": {**shared.get("set", {}), "stop_after": 4}}
    [stopped] = measured("alone", method, **alone)
    assert any("unlearn" in name for name in stopped.cost.stages)
    assert stopped.run_id == second.run_id
    same = ("weights_hash", "steps", "examples", "tokens", "losses", "update_norms", "report")
    for name in same:
        assert getattr(stopped.training, name) == getattr(second.training, name), name
    assert stopped.metrics == second.metrics
    assert stopped.seeds == second.seeds
    assert stopped.warnings == second.warnings
