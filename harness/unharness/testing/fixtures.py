"""pytest fixtures around the cached target model.

    pytest_plugins = ["unharness.testing.fixtures"]

Put this line in the `conftest.py` at pytest's root, or in a module of tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unharness.testing.target import micro_attack_context, micro_context, micro_weights

if TYPE_CHECKING:
    from unharness.attacks.context import AttackContext
    from unharness.models.preset import Tuning
    from unharness.models.weights import WeightsRef
    from unharness.unlearning.context import UnlearnContext


@pytest.fixture
def micro_target() -> WeightsRef:
    """The target model, which knows `unharness.testing.FACTS`; a copy for each test."""
    return micro_weights()


@pytest.fixture(params=["full", "lora"])
def micro_unlearning(request: pytest.FixtureRequest) -> UnlearnContext:
    """What a method is given, once with full tuning and once with LoRA; fresh for each test."""
    tuning: Tuning = request.param
    return micro_context(tuning)


@pytest.fixture
def micro_attack() -> AttackContext:
    """What an attack on the target is given; fresh for each test."""
    return micro_attack_context()
