"""The ablation of MemFlex: what its controls match, what its effects are, and a run of micro."""

import importlib
import json
import random
from functools import partial
from pathlib import Path

import numpy
import pytest

from unharness.registry import registry
from unharness.report.intervals import Sampled, difference

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KINDS = {"self_attn.q_proj": 16, "self_attn.o_proj": 16, "mlp.up_proj": 43, "input_layernorm": 4}
NARROW = {"layers.0.self_attn.q_proj", "layers.1.self_attn.q_proj", "layers.1.mlp.up_proj"}


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    registry.cache_clear()  # other tests know nothing of the benchmark's methods


@pytest.fixture
def scores(load):
    make = load("ablation_arms").TensorScore
    found = [make("embed_tokens.weight", 0.9, 0.5, 500)]
    for layer in range(4):
        for kind, size in KINDS.items():
            name = f"layers.{layer}.{kind}"
            found.append(make(name, 0.1 if name in NARROW else 0.9, 0.5 + layer, size))
    return tuple(found)


@pytest.fixture
def arms(load, monkeypatch):
    module = load("ablation_arms")
    thresholds = {"narrow": (0.5, 0.1), "wide": (1.0, 0.6)}
    monkeypatch.setattr(module, "THRESHOLDS", thresholds)
    return module


def sizes(names):
    return sorted(KINDS[name.split(".", 2)[2]] for name in names)


@pytest.mark.parametrize("region", ["same kinds", "same shapes", "elsewhere"])
def test_a_control_has_the_sizes_of_the_located_tensors(arms, scores, region):
    for seed in range(20):
        found = arms.tensors_of(arms.Arm(region), scores, random.Random(seed))
        assert sizes(found) == [16, 16, 43]
        assert set(found) != NARROW
        if region != "same shapes":
            assert sum("q_proj" in name for name in found) == 2
        if region == "elsewhere":
            assert not NARROW & set(found)


def test_what_the_wide_region_leaves_out_is_drawn(arms, scores):
    wide = arms.tensors_of(arms.Arm("wide", True), scores, random.Random(0))
    like = arms.tensors_of(arms.Arm("like wide", True), scores, random.Random(0))
    left_out = {name for name in (one.name for one in scores) if "layers.0." in name}
    assert not left_out & set(wide)
    assert len(like) == len(wide)
    assert set(like) != set(wide)
    assert sizes(like[1:]) == sizes(wide[1:])


def test_the_embedding_moves_where_the_arm_says_so_and_the_draw_is_the_same(arms, scores):
    plain, moved = (
        arms.settings(arms.Arm("same shapes", moved), 1e-3, 2, scores, 7)["tensors"]
        for moved in (False, True)
    )
    assert moved == ("embed_tokens.weight", *plain)
    everything = arms.tensors_of(arms.Arm("all", True), scores, random.Random(0))
    assert everything == tuple(one.name for one in scores)


def test_where_no_tensor_of_a_size_is_left_the_nearest_is_taken(arms, scores):
    chosen = [one for one in scores if "up_proj" in one.name]
    pool = [one for one in scores if "q_proj" in one.name or "layernorm" in one.name]
    assert all("q_proj" in name for name in arms.alike(chosen, pool, random.Random(0)))


def sampled(values, seeds):
    keys = tuple((0, seed) for seed in seeds)
    influence = numpy.random.default_rng(0).normal(size=(len(keys), 6))
    return Sampled(keys, numpy.array(values), {"forget": influence - influence.mean()})


def test_a_contrast_of_two_arms_is_their_difference(load):
    report = load("ablation_report")
    one, other = sampled([3.0, 5.0, 7.5], [0, 1, 2]), sampled([2.0, 1.0], [1, 2])
    total, estimate = report.contrast([(1, one), (-1, other)])
    assert list(total.values) == [3.0, 6.5]
    wanted = difference(one, other)
    assert estimate.value == wanted.value == 4.75
    assert estimate.interval() == pytest.approx(wanted.interval())


def test_effects_are_sums_of_arms_that_are_run(load):
    report, arms = load("ablation_report"), load("ablation_arms")
    known = {*arms.ARMS, arms.SHAM}
    assert len(arms.ARMS) == len(set(arms.ARMS))
    for effect in report.EFFECTS.values():
        assert set(effect) <= known
        assert sum(effect.values()) == 0
    assert len(report.EFFECTS["location × embedding frozen"]) == 4


@pytest.mark.slow
def test_micro_is_run_once_and_its_sham_moves_as_far(load, data_folder, tmp_path, monkeypatch):
    module, arms = load("memflex_ablation"), load("ablation_arms")
    few = (arms.LOCATED, arms.Arm("same shapes", many=True))
    monkeypatch.setattr(module, "ARMS", few)
    monkeypatch.setattr(module, "RATES", (1e-2,))
    monkeypatch.setattr(module, "RETRAINED", {"validation": 1, "evaluation": 2})
    brief = partial(module.RunRequest, max_new_tokens=8)  # what the models say is not the point
    monkeypatch.setattr(module, "RunRequest", brief)
    monkeypatch.setattr(module, "prepare", lambda threads: load("ablation_methods").register())
    out = tmp_path / "out.json"
    words = ["--model", "micro", "--data", str(data_folder), "--draws", "2", "--seeds", "1"]
    words += ["--tuning-seeds", "1", "--localisations", "1", "--jobs", "1", "--epochs", "1"]
    words += ["--work", str(tmp_path / "work"), "--out", str(out), "--objective", "success_avg"]
    monkeypatch.setattr("sys.argv", ["memflex_ablation.py", *words])
    module.main()
    first = out.read_text()
    records = {path: path.read_bytes() for path in (tmp_path / "work").rglob("run.json")}
    module.main()
    assert out.read_text() == first
    assert {path: path.read_bytes() for path in (tmp_path / "work").rglob("run.json")} == records
    found = json.loads(first)
    located, like, sham = found["arms"].values()
    assert (located["runs"], like["runs"], sham["runs"]) == (2, 2, 2)
    assert located["parameters"] == like["parameters"] == sham["parameters"]
    assert (located["shared"], sham["shared"]) == (1, 1)
    assert like["shared"] < 1
    assert set(found["effects"]["narrow − same shapes"]) == {"closeness", "success_avg"}
    assert found["effects"]["wide − all"] == {}
    by_arm = {json.loads(text)["run_id"]: json.loads(text) for text in records.values()}
    for trained, random_one in zip(located["all"], sham["all"], strict=True):
        norms = [by_arm[row["run_id"]]["training"]["update_norms"] for row in (trained, random_one)]
        assert norms[0] == pytest.approx(norms[1])


@pytest.mark.slow
def test_named_tensors_train_as_memflex_does_and_the_sham_has_its_norms(
    load, data_folder, tmp_path
):
    from unharness import run

    load("ablation_methods").register()
    options = {"model": "micro", "data": str(data_folder), "results": str(tmp_path)}
    options |= {"suite": "none", "limit": 2}
    values = {"lr": 1e-2, "epochs": 1, "forget_weight": 0.4, "retain_weight": 2.0}
    one = run("memflex", hyperparameters=values, **options).training
    names = [row["name"] for row in one.report["region"]["tensors"] if row["selected"]]
    values["tensors"] = names
    other = run("named-tensors", hyperparameters=values, **options).training
    assert one.weights_hash == other.weights_hash
    sham = run("random-update", hyperparameters={"norms": other.update_norms}, **options).training
    assert set(sham.update_norms) == set(names)
    assert sham.update_norms == pytest.approx(other.update_norms, rel=1e-4)
    assert sham.weights_hash != other.weights_hash
