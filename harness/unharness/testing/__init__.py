"""Conformance suites: checks that a plugin runs with one import, by pytest.

    from unharness.testing import MethodConformance

    class TestMine(MethodConformance):
        plugin = Mine

Each suite is a class of pytest tests with a few attributes to set. pytest is no dependency of
unharness: `pip install "unharness[testing]"` brings it.
"""

from __future__ import annotations

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "unharness.testing needs pytest: pip install 'unharness[testing]', or pip install pytest"
    ) from error
else:
    _MODULES = (
        "attacks",
        "engines",
        "methods",
        "metrics",
        "observers",
        "suite",
        "tasks",
        "weights",
    )
    pytest.register_assert_rewrite(*(f"unharness.testing.{name}" for name in _MODULES))

from unharness.testing.attacks import AttackConformance
from unharness.testing.engines import EngineConformance
from unharness.testing.facts import FACTS
from unharness.testing.methods import MethodConformance
from unharness.testing.metrics import MetricConformance, Oracle
from unharness.testing.observers import ObserverConformance
from unharness.testing.seen import seen_answers, seen_choices, seen_texts
from unharness.testing.suite import Conformance
from unharness.testing.target import micro_attack_context, micro_context, micro_weights
from unharness.testing.tasks import TaskConformance

__all__ = [
    "FACTS",
    "AttackConformance",
    "Conformance",
    "EngineConformance",
    "MethodConformance",
    "MetricConformance",
    "ObserverConformance",
    "Oracle",
    "TaskConformance",
    "micro_attack_context",
    "micro_context",
    "micro_weights",
    "seen_answers",
    "seen_choices",
    "seen_texts",
]
