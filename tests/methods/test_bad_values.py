"""Hyperparameters out of bounds, and what tuning may try."""

import pytest

from unharness import UsageError
from unharness.pipeline.method_choice import make_method
from unharness.registry import registry
from unharness.unlearning.search import search_space


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("altpo", {"beta": 0}, "beta=0: Input should be greater than 0"),
        ("altpo", {"temperature": 0}, "temperature=0: Input should be greater than 0"),
        ("idk-ap", {"beta": 0}, "beta=0: Input should be greater than 0"),
        ("idk-ap", {"preservation_weight": 0}, "preservation_weight=0: Input should be greater"),
        ("flat", {"divergence": "hellinger"}, "Input should be 'kl', 'tv', 'pearson' or 'js'"),
        ("jensun", {"refusal": ""}, "refusal=''"),
        ("llmu", {"mismatches": 0}, "mismatches=0: Input should be greater than or equal to 1"),
        ("pdu", {"tolerance": 0.9}, "tolerance=0.9: Input should be greater than or equal to 1"),
        ("rmu", {"layer": -1}, "layer=-1: Input should be greater than or equal to 0"),
        ("rmu", {"steering": 0}, "steering=0: Input should be greater than 0"),
        ("adaptive-rmu", {"steering": 5}, "has no hyperparameter 'steering'"),
        ("circuit-breaker", {"layers": []}, "layers="),
        ("task-vector", {"scale": 0}, "scale=0: Input should be greater than 0"),
        ("lunar", {"ridge": 0}, "ridge=0: Input should be greater than 0"),
        ("npo-sam", {"rho": 0}, "rho=0: Input should be greater than 0"),
        ("gru", {"ema": 0}, "ema=0: Input should be greater than 0"),
        ("sure", {"percentile": 100}, "percentile=100: Input should be less than 100"),
        ("relearn", {"overlap": 0}, "overlap=0: Input should be greater than 0"),
        ("in-context", {"refused": 0}, "refused=0: Input should be greater than or equal to 1"),
    ],
)
def test_values_out_of_bounds(name, values, message):
    with pytest.raises(UsageError, match=message):
        make_method(registry().get("methods", name), "micro", values)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("gradient-difference", "retain_weight"),
        ("gradient-difference-ood", "retain_weight"),
        ("kl", "kl_weight"),
        ("kl-ood", "kl_weight"),
        ("memflex", "retain_weight"),
    ],
)
def test_a_loss_of_which_no_term_counts_is_refused(name, other):
    method = registry().get("methods", name)
    message = f"forget_weight and {other} are 0: no term of the loss counts; set one above 0"
    with pytest.raises(UsageError, match=message):
        make_method(method, "micro", {"forget_weight": 0, other: 0})
    for alone in ("forget_weight", other):
        make_method(method, "micro", {alone: 0})


@pytest.mark.parametrize("name", registry().names("methods"))
def test_every_value_that_tuning_may_try_is_allowed(name):
    method = registry().get("methods", name)
    for field, place in search_space(method).items():
        values = getattr(place, "values", None) or (place.low, place.high)
        whole = method.Config.model_fields[field].annotation is int
        for value in values:
            make_method(method, "", {field: round(value) if whole else value})
