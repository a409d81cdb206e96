"""The authors' hyperparameters on TOFU, as their repositories have them."""

import pytest

from unharness.pipeline.method_choice import make_method
from unharness.registry import registry
from unharness.unlearning.presets import find_preset

RECIPE = {
    "epochs": 10,
    "lr": 1e-5,
    "batch_size": 32,
    "weight_decay": 0.01,
    "warmup_ratio": 0.1,
    "schedule": "linear",
}
RETAIN = {"retain_loss": "nll", "retain_weight": 1.0}
NPO = RETAIN | {"beta": 0.1, "forget_weight": 1.0}
IDKAP = {"epochs": 5, "beta": 0.1, "forget_weight": 1.0, "preservation_weight": 1.0}


@pytest.mark.parametrize(
    ("name", "fraction", "own"),
    [
        ("npo", "01", NPO),
        ("npo", "05", NPO),
        ("npo", "10", NPO),
        ("simnpo", "05", RETAIN | {"beta": 2.5, "forget_weight": 0.1375, "margin": 0.0}),
        ("simnpo", "10", RETAIN | {"beta": 4.5, "forget_weight": 0.125, "margin": 0.0}),
        ("idk-ap", "01", IDKAP | {"warmup_ratio": 0.0}),
        ("idk-ap", "10", IDKAP | {"warmup_ratio": 0.2}),
    ],
)
def test_presets(name, fraction, own):
    task = registry().get("tasks", "tofu")
    method = registry().get("methods", name)
    preset = find_preset(
        method.presets,
        "released-code",
        method=name,
        task=task(task.Config(fraction=fraction)).full_name,
        is_model=lambda published: published == "Llama-2-7b-chat-hf",
    )
    made = make_method(method, "", {}, preset).config
    assert {key: getattr(made, key) for key in RECIPE | own} == RECIPE | own
