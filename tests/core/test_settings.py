"""Lengths, LoRA and the target's recipe: the task's own, and what the user says over them."""

import pytest
from transformers import LlamaConfig

import unharness
from unharness.data.recipe import FineTuneConfig, LoraSettings
from unharness.errors import PluginError, UsageError
from unharness.pipeline.resolve import resolve
from unharness.pipeline.settings import beyond_positions, changed_settings
from unharness.registry import registry
from unharness.request import make_request


@pytest.fixture
def spec_of(tmp_path):
    """spec_of(max_length=8, …) -> the spec of a run of the preset micro on the stand-in data."""

    def call(**options):
        given = {"model": "micro", "data": "standin", "suite": "none", "results": str(tmp_path)}
        return resolve(make_request(given | options), registry()).spec

    return call


def test_texts_longer_than_the_model_has_positions_for_are_said():
    config = LlamaConfig(max_position_embeddings=512)
    assert beyond_positions(512, config) == []
    [warning] = beyond_positions(2048, config)
    assert "512 positions" in warning
    assert "--max-length 512" in warning


@pytest.fixture
def task_class():
    return registry().get("tasks", "knowundo-privacy")


def test_what_nobody_says_stays_as_it_was(spec_of):
    spec = spec_of(tuning="lora")
    assert spec.evaluation.max_length == 256
    assert spec.evaluation.max_new_tokens == 96
    assert spec.lora == {"r": 8, "alpha": 16, "dropout": 0.1}
    assert changed_settings(spec, "micro", registry()) == {}


@pytest.mark.parametrize(
    ("options", "stage"),
    [
        ({"max_length": 64}, "target"),
        ({"target_set": {"epochs": 3}}, "target"),
        ({"target_set": {"seed": 1}}, "target"),
        ({"lora": {"r": 16}}, "unlearn"),
        ({"max_new_tokens": 8}, "observe"),
    ],
)
def test_each_counts_in_its_stage(spec_of, options, stage):
    one, other = spec_of(tuning="lora"), spec_of(tuning="lora", **options)
    assert (one.target == other.target) == (stage != "target")
    assert (one.run_id() == other.run_id()) == (stage == "observe")
    assert (one.evaluation_id() == other.evaluation_id()) == (stage != "observe")
    assert changed_settings(other, "micro", registry())


def test_a_target_that_learns_by_lora_depends_on_its_rank(spec_of, checkpoint):
    options = {"tuning": "lora", "model": str(checkpoint("llama"))}
    one, other = spec_of(**options), spec_of(**options, lora={"r": 16, "alpha": 32})
    assert one.target != other.target
    assert other.target.lora == other.unlearn.lora == {"r": 16, "alpha": 32, "dropout": 0.1}


def test_a_task_says_its_own_and_the_user_stands_above(spec_of, task_class, monkeypatch):
    monkeypatch.setattr(task_class, "max_length", 100)
    monkeypatch.setattr(task_class, "max_new_tokens", 10)
    monkeypatch.setattr(task_class, "lora", LoraSettings(r=4, alpha=4))
    monkeypatch.setattr(task_class, "template", "plain")
    spec = spec_of(tuning="lora")
    assert (spec.evaluation.max_length, spec.evaluation.max_new_tokens) == (100, 10)
    assert spec.lora == {"r": 4, "alpha": 4, "dropout": 0.1}
    assert changed_settings(spec, "micro", registry()) == {}
    spec = spec_of(tuning="lora", max_length=50, max_new_tokens=5, lora={"alpha": 8})
    assert (spec.evaluation.max_length, spec.evaluation.max_new_tokens) == (50, 5)
    assert spec.lora == {"r": 4, "alpha": 8, "dropout": 0.1}
    assert changed_settings(spec, "micro", registry()) == {
        "max_length": (50, 100),
        "max_new_tokens": (5, 10),
        "lora.alpha": (8, 4),
    }


def test_the_recipe_is_changed_field_by_field(spec_of, task_class):
    own = task_class().target_recipe("micro").model_dump()
    changed = spec_of(target_set={"epochs": 3, "seed": 7}).target_recipe
    assert changed == own | {"epochs": 3, "seed": 7}


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_length", 1), ("max_length", True), ("max_new_tokens", 0), ("lora", {"r": 8})],
)
def test_a_task_that_says_nonsense_is_named(spec_of, task_class, monkeypatch, name, value):
    monkeypatch.setattr(task_class, name, value)
    with pytest.raises(PluginError, match=rf"task 'knowundo-privacy'.*{name}"):
        spec_of()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lora": {"rank": 8}}, ["--lora", "'rank'", "alpha, dropout, r"]),
        ({"lora": {"alhpa": 8}}, ["'alhpa'", "Did you mean alpha"]),
        ({"lora": {"r": 0}}, ["--lora", "r=0", "greater than or equal to 1"]),
        ({"lora": {"r": True}}, ["boolean"]),
        ({"lora": {"alpha": 10**400}}, ["alpha"]),
        ({"lora": {"dropout": float("nan")}}, ["dropout"]),
        ({"target_set": {"epoch": 3}}, ["--target-set", "'epoch'", "Did you mean epochs"]),
        ({"target_set": {"epochs": 0}}, ["epochs=0"]),
        ({"target_set": {"lr": "much"}}, ["lr='much'"]),
        ({"target_set": {"seed": 2**32}}, ["seed"]),
        ({"max_length": 1}, ["max_length=1"]),
        ({"max_length": 10**9}, ["max_length"]),
        ({"max_new_tokens": 0}, ["max_new_tokens=0"]),
        ({"max_new_tokens": True}, ["boolean"]),
    ],
)
def test_what_cannot_be_is_refused(spec_of, options, words):
    with pytest.raises(UsageError) as refused:
        spec_of(tuning="lora", **options)
    for word in words:
        assert word in str(refused.value)


def test_lora_with_full_tuning_is_refused(spec_of):
    with pytest.raises(UsageError, match="--lora.*full.*--tuning lora"):
        spec_of(tuning="full", lora={"r": 16})


def test_a_given_adapter_fixes_its_rank(spec_of, checkpoint, tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = checkpoint("llama")
    model = AutoModelForCausalLM.from_pretrained(folder)
    adapter = tmp_path / "adapter"
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear")).save_pretrained(adapter)
    target = {"target": str(adapter), "model": str(folder)}
    assert spec_of(**target).lora["r"] == 2
    with pytest.raises(UsageError, match=r"--lora.*adapter.*r=2"):
        spec_of(**target, lora={"r": 16})
    with pytest.raises(UsageError, match=r"--target-set.*--target"):
        spec_of(**target, target_set={"epochs": 1})
    assert (
        spec_of(**target, method="retrain", target_set={"epochs": 1}).target_recipe["epochs"] == 1
    )
    # A checkpoint fixes nothing about the adapter that comes after it.
    assert spec_of(target=str(folder), tuning="lora", lora={"r": 16}).lora["r"] == 16


def test_an_unknown_option_gets_the_nearest():
    with pytest.raises(UsageError, match="has no option 'max_lenght'. Did you mean max_length"):
        unharness.run(model="micro", max_lenght=3)


def test_the_public_function_takes_them():
    with pytest.raises(UsageError, match="'rank'"):
        unharness.run(model="micro", data="standin", tuning="lora", lora={"rank": 1})


def test_the_defaults_of_the_classes_are_those_of_a_task():
    assert unharness.LoraSettings is LoraSettings
    assert FineTuneConfig().seed == 0


@pytest.mark.parametrize(
    "options",
    [
        {"tuning": "lora"},  # micro's target is tuned whole
        {"tuning": "lora", "lora": {"r": 4}},
        {"tuning": "full", "epochs": 2},
        {"tuning": "lora", "model": "llama"},
    ],
)
def test_the_target_row_s_request_gives_the_target_row_again(tmp_path, checkpoint, options):
    given = {"model": "micro", "data": "standin", "suite": "none", "results": str(tmp_path)}
    given |= options
    if given["model"] == "llama":
        given["model"] = str(checkpoint("llama"))
    row = resolve(make_request(given), registry()).target_row
    again = resolve(row.request, registry())
    assert again.spec.run_id() == row.spec.run_id()
