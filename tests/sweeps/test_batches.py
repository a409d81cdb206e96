"""What goes to one task of a cluster: a run, or several that share an engine slow to start."""

import pytest

from unharness import Engine
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.executors.on_ray import batches
from unharness.sweeps.plan import plan_sweep


def jobs(count, tmp_path, **values):
    requests = [
        RunRequest(seed=seed, data="standin", results=str(tmp_path), suite="none", **values)
        for seed in range(count)
    ]
    return [cell.job() for cell in plan_sweep(requests, registry()).cells]


def sizes(found, slots):
    return [len(batch) for batch in batches(found, slots)]


def test_the_name_of_a_model_says_nothing_of_the_engine(checkpoint, tmp_path):
    model = checkpoint("llama", tmp_path / "my vllm copy")
    found = jobs(4, tmp_path, model=str(model), engine="hf", method="gradient-ascent")
    assert sizes(found, 2) == [1, 1, 1, 1]


@pytest.mark.slow
def test_runs_of_an_engine_that_is_slow_to_start_share_it(tmp_path, monkeypatch):
    found = jobs(5, tmp_path, model="tiny", engine="vllm", method="gradient-ascent")
    assert sizes(found, 2) == [3, 2]
    # An engine says so of itself, whatever it is called.
    monkeypatch.setattr(registry().get("engines", "hf"), "slow_start", True)
    found = jobs(5, tmp_path, model="tiny", engine="hf", method="gradient-ascent")
    assert sizes(found, 1) == [5]
    assert Engine.slow_start is False
