"""The built-in metrics, tasks, attacks, observers and the engine `hf` pass their suites.

Checks that do not apply are not collected.
"""

from unharness import Likelihood
from unharness.registry import registry
from unharness.testing import (
    AttackConformance,
    EngineConformance,
    MetricConformance,
    ObserverConformance,
    TaskConformance,
)

SUITES = {"metrics": MetricConformance, "tasks": TaskConformance, "attacks": AttackConformance}
# Their worked examples are in tests/metrics.
WITHOUT_ORACLES = ("test_known_answers",)
# They ask observers of their own; tests/metrics gives them observations.
OF_LIKELIHOODS_AND_TEXTS = (
    "test_the_order_of_examples_does_not_count",
    "test_values_and_intervals_are_sane",
    "test_equal_observations_give_equal_scores",
)
AGAINST = ("attack_auc", "attack_balance", "attack_tpr", "membership_auc", "privleak", "s_mia")
OWN_OBSERVER = (
    *("fluency_nats", "fluency_probability", "linguistic_score", "logged_share", "logit_lens"),
)
MEMBERS = {
    "wmdp": {"settings": {"tuning_share": 0.2}},  # without it all questions are evaluated
    "prompt": {"settings": {"text": "Answer in a word."}},
    **{name: {"against": True} for name in AGAINST},
    **{name: dict.fromkeys(OF_LIKELIHOODS_AND_TEXTS) for name in OWN_OBSERVER},
}

for _kind, _suite in SUITES.items():
    for _entry in registry().entries(_kind):
        if _entry.plugin.builtin:
            _name = "Test" + "".join(p.capitalize() for p in (_kind[:-1], *_entry.name.split("-")))
            _plugin = registry().get(_kind, _entry.name)
            _members = {"plugin": _plugin, **MEMBERS.get(_entry.name, {})}
            if _kind == "metrics":
                _members |= dict.fromkeys(WITHOUT_ORACLES)
            if _kind == "tasks":  # a process each would take as long as all the rest
                _members["other_process"] = _entry.name == "tofu"
            globals()[_name] = type(_name, (_suite,), _members)


class TestHf(EngineConformance):
    """The engine that others are compared with: its texts are its own."""

    plugin = registry().get("engines", "hf")
    options = {"batch_size": 2}


class TestLikelihood(ObserverConformance):
    plugin = registry().get("observers", "likelihood")
    request = Likelihood(answers=("answer", "perturbed"))


class TestLogitLens(ObserverConformance):
    plugin = registry().get("observers", "logit_lens")
    request = registry().get("metrics", "logit_lens")().observes()
