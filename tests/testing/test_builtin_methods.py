"""The built-in methods pass the suite of methods; checks that do not apply are not collected."""

import pytest

from unharness import LossMethod
from unharness.registry import registry
from unharness.testing import MethodConformance

pytestmark = pytest.mark.slow

OF_A_LOSS = (
    "test_loss_is_finite",
    "test_gradients_only_where_they_should_be",
    "test_loss_is_a_mean_over_examples",
    "test_the_reference_stays",
)
# Its loss draws labels at each call.
LEFT_OUT = {"random-labels": ("test_loss_is_a_mean_over_examples",)}

for _entry in registry().entries("methods"):
    if _entry.plugin.builtin:
        _name = "Test" + "".join(part.capitalize() for part in _entry.name.split("-"))
        _plugin = registry().get("methods", _entry.name)
        _left_out = LEFT_OUT.get(_entry.name, ())
        if not issubclass(_plugin, LossMethod):
            _left_out = OF_A_LOSS
        _members = {"plugin": _plugin, **dict.fromkeys(_left_out)}
        globals()[_name] = type(_name, (MethodConformance,), _members)
