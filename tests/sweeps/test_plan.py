"""The cells of a sweep, each once."""

from pathlib import Path

from unharness.registry import registry
from unharness.sweeps.grid import cells, make_sweep_request
from unharness.sweeps.plan import plan_sweep


def planned(results: Path, **values):
    given = {"model": "micro", "data": "standin", "results": str(results), "suite": "none"}
    return plan_sweep(cells(make_sweep_request(given | values), registry()), registry())


def test_a_method_without_a_seed_runs_once(tmp_path: Path):
    plan = planned(tmp_path, method="base", seed="0..2", task="knowundo-privacy")
    assert len(plan.cells) == 1
    assert plan.run_ids == (plan.cells[0].run_id,) * 3


def test_one_base_model_is_evaluated_on_each_of_its_tasks(tmp_path: Path):
    plan = planned(tmp_path, method="vanilla", task=["rwku:subjects=1", "rwku:subjects=2"])
    assert len({cell.run_id for cell in plan.cells}) == 1  # one model
    assert [cell.plan.spec.task for cell in plan.cells] == ["rwku", 'rwku:subjects=["2"]']
