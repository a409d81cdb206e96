from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.grid import cells, make_sweep_request
from unharness.sweeps.references import reference_requests, with_references


def grid(**values):
    request = make_sweep_request(values)
    return with_references(cells(request, registry()), registry())


def rows(requests):
    return [(one.method, one.target_set.get("seed"), one.seed) for one in requests]


def test_reference_rows_come_first_once_a_target():
    found = grid(method="kl,memflex", seed="0..4", set={"epochs": [1]})
    assert rows(found[:5]) == [
        *(("base", None, 0), ("vanilla", None, 0)),
        *(("retrain", None, seed) for seed in range(3)),
    ]
    assert all(one.set == {} for one in found[:5])
    assert len(found) == 5 + 2 * 5


def test_two_retrained_models_are_enough_to_rank():
    assert [one.method for one in grid(method="kl")].count("retrain") == 2


def test_only_the_target_depends_on_the_target_s_seed():
    found = grid(method="kl", target_seed="0..1", seed="0..2")
    assert rows(found)[:6] == [
        *(("base", None, 0), ("vanilla", 0, 0)),
        *(("retrain", None, seed) for seed in range(3)),
        ("vanilla", 1, 0),
    ]
    assert rows(found)[6:] == [("kl", target, seed) for seed in range(3) for target in range(2)]


def test_limited_runs_and_given_targets_get_none():
    for change in ({"limit": 3}, {"limit_train": 3}, {"target": "somewhere"}):
        assert [one.method for one in grid(method="kl", **change)] == ["kl"]


def test_other_settings_of_the_run_are_the_rows_own():
    [base] = reference_requests(
        [RunRequest(method="kl", lr=1.0, template="chat", attack=("none", "relearn"))],
        registry(),
        2,
        rows=("base",),
    )
    assert (base.method, base.lr, base.template) == ("base", None, "chat")
    assert base.attack == ("none", "relearn")
