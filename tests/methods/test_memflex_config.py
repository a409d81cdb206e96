"""Hyperparameters: what is allowed, and what suits a model."""

from typing import Any

import pytest
from pydantic import Field, ValidationError

from unharness import LossMethod
from unharness.pipeline.resolve import resolve
from unharness.registry import registry
from unharness.request import RunRequest
from unharness_methods.gradient_ascent import GradientAscent
from unharness_methods.gradient_difference import GradientDifference
from unharness_methods.memflex import MemFlex
from unharness_methods.retrain import Retrain
from unharness_methods.vanilla import Vanilla

METHODS = (GradientAscent, GradientDifference, MemFlex, Retrain, Vanilla)

GOOD = [
    ("mu", 0.5, 0.5),
    ("mu", -1, -1.0),
    ("mu", 1.0, 1.0),
    ("mu", "0.95", 0.95),
    ("mu", "q0", "q0"),
    ("mu", "q0.5", "q0.5"),
    ("mu", "q.50", "q0.5"),
    ("mu", "q1", "q1"),
    ("mu", "q0.12345678901", "q0.12345678901"),
    ("sigma", 0, 0.0),
    ("sigma", 2.0, 2.0),
    ("sigma", "1e-7", 1e-7),
    ("sigma", "q0.25", "q0.25"),
    ("replaced", 0.5, 0.5),
    ("localise_on", "train+eval", "train+eval"),
]
BAD = [
    ("mu", "q1.5"),
    ("mu", "q-0.1"),
    ("mu", "qnan"),
    ("mu", "q"),
    ("mu", "x"),
    ("mu", ""),
    ("mu", "0.5q"),
    ("mu", "Q0.5"),
    ("mu", 2.0),
    ("mu", -1.01),
    ("mu", "1.5"),
    ("mu", float("nan")),
    ("mu", None),
    ("mu", [0.5]),
    ("sigma", -1),
    ("sigma", -1e-9),
    ("sigma", "-0.1"),
    ("sigma", "q2"),
    ("sigma", "inf"),
    ("sigma", float("inf")),
    ("sigma", float("nan")),
    ("draws", 0),
    ("draws", 2.5),
    ("replaced", 0),
    ("replaced", 1.1),
    ("localise_on", "eval"),
    ("localise_batch_size", 0),
    ("forget_weight", -0.1),
    ("retain_weight", float("inf")),
    ("lr", 0),
    ("lr", float("nan")),
    ("epochs", 0),
    ("epochs", 1.5),
    ("batch_size", 0),
    ("warmup_ratio", 1.0),
    ("schedule", "step"),
    ("max_grad_norm", -1),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_what_is_allowed(name: str, value: Any, expected: Any):
    found = getattr(MemFlex.Config(**{name: value}), name)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_refused(name: str, value: Any):
    with pytest.raises(ValidationError, match=name):
        MemFlex.Config(**{name: value})


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_hyperparameter_is_refused(method: Any):
    with pytest.raises(ValidationError, match="Extra inputs"):
        method.Config(learning_rate=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_every_hyperparameter_is_described(method: Any):
    for name, field in method.Config.model_fields.items():
        assert field.description, name
    assert type(method.Config()).model_validate(method.Config().model_dump()) == method.Config()


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        MemFlex.Config().lr = 1.0  # type: ignore[misc]


def test_the_papers_settings():
    # KNOWUNDO.md: 2 epochs of batch 16, cosine with 3% warm-up, lr 5e-5 and MemFlex 3e-4.
    ascent, memflex = GradientAscent.Config(), MemFlex.Config()
    assert (ascent.lr, memflex.lr) == (5e-5, 3e-4)
    for config in (ascent, memflex):
        assert (config.epochs, config.batch_size) == (2, 16)
        assert (config.warmup_ratio, config.schedule) == (0.03, "cosine")
    assert (memflex.forget_weight, memflex.retain_weight) == (0.4, 2.0)
    assert (memflex.draws, memflex.localise_on) == (5, "train")


@pytest.mark.parametrize("method", METHODS)
def test_defaults_of_presets_are_allowed(method: Any):
    for model in {name for parent in method.__mro__ for name in vars(parent).get("defaults", {})}:
        method.Config(**method.defaults_for(model))
    assert method.defaults_for("no-such-model") == {}


class Parent(LossMethod):
    name, summary = "parent", "s"
    defaults = {"tiny": {"lr": 0.5, "epochs": 7}, "other": {"strength": 3.0}}

    class Config(LossMethod.Config):
        strength: float = Field(1.0, description="strength")

    def loss(self, model: Any, batch: Any) -> Any:
        return None


class Child(Parent):
    name, summary = "child", "s"
    defaults = {"tiny": {"epochs": 9, "strength": 2.0}, "other:lora": {"lr": 0.25}}


class Bare(Parent):
    name, summary = "bare", "s"


class Narrow(Parent):
    """Has no strength any more."""

    name, summary = "narrow", "s"
    Config = LossMethod.Config  # type: ignore[assignment]


def test_defaults_are_inherited_name_by_name():
    # LossMethod's own lr of 1e-3 for tiny is overridden by Parent's, its epochs by Child's.
    assert LossMethod.defaults_for("tiny") == {"lr": 1e-3}
    assert Parent.defaults_for("tiny") == {"lr": 0.5, "epochs": 7}
    assert Child.defaults_for("tiny") == {"lr": 0.5, "epochs": 9, "strength": 2.0}
    assert Child.defaults_for("other") == {"strength": 3.0}
    assert Bare.defaults_for("tiny") == Parent.defaults_for("tiny")
    # What is said of a model with a tuning goes before what is said of the model alone.
    assert Child.defaults_for("other", "lora") == {"lr": 0.25, "strength": 3.0}
    assert Child.defaults_for("other", "full") == Child.defaults_for("other")
    # A default that the method has no hyperparameter for is left out.
    assert Narrow.defaults_for("other") == {}


def test_released_code_settles_how_it_localises():
    config = MemFlex.Config(fidelity="released-code")
    assert (config.draws, config.replaced, config.localise_on) == (3, 0.5, "train+eval")
    assert MemFlex.Config(fidelity="released-code", draws=3) == config
    for name, value in (("draws", 5), ("replaced", 1.0), ("localise_on", "train")):
        with pytest.raises(ValidationError, match=f"{name} is .* with fidelity=released-code"):
            MemFlex.Config(fidelity="released-code", **{name: value})


@pytest.mark.parametrize(("tuning", "lr"), [("lora", 0.25), ("full", 0.125)])
def test_a_run_takes_the_defaults_of_its_model_and_tuning(tuning: Any, lr: float, monkeypatch: Any):
    known = {"micro": {"lr": 0.125}, "micro:lora": {"lr": 0.25}}
    monkeypatch.setattr(MemFlex, "defaults", known)
    request = RunRequest(method="memflex", model="micro", tuning=tuning, data="standin")
    assert resolve(request, registry()).method.config.lr == lr
