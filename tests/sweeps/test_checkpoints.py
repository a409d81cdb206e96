"""Measuring along a training: which runs there are, and what is chosen among them."""

from unharness import LossMethod
from unharness.pipeline.checkpoint_runs import checkpoint_requests
from unharness.request import RunRequest


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
