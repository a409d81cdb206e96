import numpy
import pytest

from unharness.records.artifacts import write_per_example
from unharness.records.per_example import KNOWN, NAME, SAID, SplitNumbers, example_key
from unharness.records.record import TrainingRecord
from unharness.report.build import build_board
from unharness.report.closeness import CLOSENESS
from unharness.report.formats import to_json

COUNT = 30
KEYS = tuple(example_key(str(at)) for at in range(COUNT))
LEVELS = {"base": (0.2, 0.1), "vanilla": (1.0, 0.9), "retrain": (0.2, 0.9), "kl": (0.5, 0.8)}


@pytest.fixture
def put(make_record, store):
    """put(method) -> a saved record with the numbers of its examples."""

    def write(
        method,
        seed=0,
        target=0,
        *,
        numbers=True,
        jitter=0.02,
        roles=("forget", "retain"),
        **changes,
    ):
        recipe = {"epochs": 22, "lr": 0.004, "seed": target}
        record = make_record(
            method, {"success_avg": 50.0}, seed=seed, target_recipe=recipe, **changes
        )
        rng = numpy.random.default_rng(seed)
        splits = {
            role: SplitNumbers(
                role,
                KEYS,
                numpy.arange(COUNT),
                {},
                {way: level + jitter * rng.standard_normal(COUNT) for way in (KNOWN, SAID)},
            )
            for role, level in zip(("forget", "retain"), LEVELS[method], strict=True)
            if role in roles
        }
        folder = store.folder(record.spec)
        folder.mkdir(parents=True, exist_ok=True)
        if numbers:
            record.artifacts[NAME] = write_per_example(folder, splits)
        store.save(record)
        return record

    return write


def weights(text):
    training = {"trainable_parameters": 1, "total_parameters": 1}
    return {"training": TrainingRecord(**training, weights_hash=text * 64)}


def the_group(store):
    [group] = build_board(store).groups
    return group


def row_of(group, method):
    return next(row for row in group.rows if row.method == method)


def test_rows_are_ranked_by_closeness(put, store):
    for method in ("base", "vanilla", "kl"):
        put(method)
    for seed in range(3):
        put("retrain", seed)
    group = the_group(store)
    assert (group.headline, group.notes) == (CLOSENESS, ())
    values = {row.method: row.metrics[CLOSENESS].value for row in group.rows}
    assert (values["base"], values["vanilla"], values["retrain"]) == (0.0, 0.0, 100.0)
    # 1 - 0.3/0.8 on what is forgotten and 1 - 0.1/0.8 on what is kept, twice each.
    assert values["kl"] == pytest.approx(100 * 2 / (1 / 0.625 + 1 / 0.875), abs=2.0)
    assert CLOSENESS in to_json(build_board(store))


def test_without_a_retain_set_no_command_promises_a_rank(put, store):
    for method in ("base", "vanilla", "kl"):
        put(method, roles=("forget",))
    for seed in range(2):
        put("retrain", seed, roles=("forget",))
    assert the_group(store).notes == ("Not ranked: no retain split can be measured.",)


def test_a_retrained_model_counts_once_whatever_target_it_stands_beside(put, store):
    put("base")
    for target in (0, 1):
        put("vanilla", target=target)
        for seed in (0, 1):
            # Another machine: the same model up to rounding, so that the hashes differ.
            put("retrain", seed, target, **weights(str(2 * target + seed)))
            put("kl", seed, target)
    group = the_group(store)
    assert group.notes == ("2 retrained models rank; 3 are needed to publish.",)
    assert row_of(group, "kl").metrics[CLOSENESS].sampled.retrained.shape == (4, 2)


def test_reference_runs_without_numbers_are_counted(put, store):
    put("base")
    put("vanilla")
    for seed in (0, 1):
        put("retrain", seed, numbers=False)
    put("kl")
    group = the_group(store)
    assert group.headline is None
    assert "there is none (2 of 4 reference runs were recorded without their" in group.notes[0]
    assert "'unharness score'" in group.notes[0]


def test_a_row_with_a_run_without_numbers_is_not_ranked(put, store):
    put("base")
    put("vanilla")
    for seed in (0, 1):
        put("retrain", seed)
    put("kl", 0)
    put("kl", 1, numbers=False)
    group = the_group(store)
    assert row_of(group, "kl").metrics[CLOSENESS].value is None
    assert group.ranks == {}


def test_a_base_row_serves_every_target(put, store):
    put("base", target=7)  # its recipe's seed says nothing: it was never taught
    for target in (0, 1):
        put("vanilla", target=target)
        put("kl", target=target)
    for seed in range(3):
        put("retrain", seed)
    group = the_group(store)
    assert row_of(group, "base").metrics[CLOSENESS].value == 0.0
    assert row_of(group, "kl").metrics[CLOSENESS].value > 0.0


def test_the_command_makes_rows_of_the_same_run(put, store):
    passed = {"data": "my data", "lora": {"r": 16}, "target_set": {"epochs": 5, "seed": 3}}
    put("kl", passed={**passed, "lr": 0.1, "method": "kl"})
    [note] = [one for one in the_group(store).notes if one.startswith("Not ranked")]
    assert "-m base -m vanilla -m retrain --task knowundo-privacy --model tiny" in note
    assert "--data 'my data' --lora r=16 --target-set epochs=5." in note
    assert "lr" not in note
