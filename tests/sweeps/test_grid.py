from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.cli.grid_options import grid_values, setting_lists
from unharness.errors import UsageError
from unharness.registry import registry
from unharness.sweeps.grid import cells, make_sweep_request, seed_range, split_setting
from unharness.sweeps.plan import SweepPlan
from unharness.sweeps.sweep import parse_shard


def grid(**values):
    return cells(make_sweep_request(values), registry())


def test_every_combination_is_there_once():
    found = grid(method="kl,memflex", seed="0..2", set={"lr": [1e-3, 2e-3]})
    assert len(found) == 2 * 3 * 2
    assert len({(one.method, one.seed, one.set["lr"]) for one in found}) == 12


def test_a_setting_of_one_method_stands_above_that_of_all():
    found = grid(method="kl,memflex", set={"lr": [1e-3], "memflex.lr": [2e-3, 3e-3]})
    assert [(one.method, one.set["lr"]) for one in found] == [
        ("kl", 1e-3),
        ("memflex", 2e-3),
        ("memflex", 3e-3),
    ]


def test_what_was_not_said_is_left_to_the_run():
    (found,) = grid(data="somewhere", limit=3)
    assert found.model_fields_set == {"method", "task", "model", "seed", "set", "data", "limit"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": ""}, ["the grid is empty", "'method'"]),
        ({"seed": ""}, ["the grid is empty", "'seed'"]),
        ({"seed": []}, ["the grid is empty", "'seed'"]),
        ({"set": {"lr": []}}, ["the grid is empty", "'set lr'"]),
        ({"seed": "4..0"}, ["'4..0'", "0..4"]),
        ({"seed": "x"}, ["invalid seed 'x'", "0..4"]),
        ({"seed": "-1"}, ["invalid seed '-1'"]),
        ({"method": "kl,memfex"}, ["memfex", "memflex"]),
        ({"method": "kl,memflex", "set": {"mu": ["q0.5"]}}, ["'kl'", "--set memflex.mu=…"]),
        ({"method": "kl", "set": {"memflex.mu": ["q0.5"]}}, ["'memflex' is not among the methods"]),
        ({"method": "kl", "set": {"lrr": [1]}}, ["no hyperparameter 'lrr'", "lr"]),
        ({"limit": 0}, ["limit"]),
        ({"workers": 3}, ["workers"]),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(values, words):
    with pytest.raises(UsageError) as refused:
        grid(**values)
    for word in words:
        assert word in str(refused.value)


@given(st.integers(0, 500), st.integers(0, 60))
def test_ranges_of_seeds(first, more):
    assert seed_range(f"{first}..{first + more}") == list(range(first, first + more + 1))
    assert seed_range(f" {first} ") == [first]


def test_settings_are_read_as_lists():
    pairs = ("lr=1e-3,2e-3", "memflex.mu=q0.5,q0.9", "gradient-difference.fidelity=paper")
    assert setting_lists(pairs) == {
        "lr": ["1e-3", "2e-3"],
        "memflex.mu": ["q0.5", "q0.9"],
        "gradient-difference.fidelity": ["paper"],
    }
    assert split_setting("gradient-difference.retain-weight") == (
        "gradient-difference",
        "retain_weight",
    )
    assert split_setting("batch-size") == (None, "batch_size")
    with pytest.raises(UsageError, match="NAME=VALUE,VALUE"):
        setting_lists(("lr",))
    with pytest.raises(UsageError, match="not YAML"):
        setting_lists(("lr=[1",))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "/", "-1/2"])
def test_shards_that_are_none(text):
    with pytest.raises(UsageError, match="such as 2/4"):
        parse_shard(text)
    assert parse_shard("2/4") == (2, 4)


@given(st.integers(1, 6), st.integers(1, 30))
def test_the_parts_of_a_sweep_hold_every_cell_once(count, total):
    cells = tuple(SimpleNamespace(run_id=f"{at * 7919 % 1000:03}") for at in range(total))
    whole = SweepPlan(cells, "results")
    parts = [whole.shard(index, count).cells for index in range(1, count + 1)]
    assert sorted(cell.run_id for part in parts for cell in part) == sorted(
        cell.run_id for cell in cells
    )
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(("flag", "wanted"), [(None, True), (True, True), (False, False)])
def test_no_references_is_heard(flag, wanted):
    values = grid_values(None, {"references": flag}, (), ("references",))
    assert make_sweep_request(values).references is wanted
