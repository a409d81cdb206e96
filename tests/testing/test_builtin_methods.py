"""The built-in methods pass the suite of methods."""

import pytest

from unharness.registry import registry
from unharness.testing import MethodConformance

pytestmark = pytest.mark.slow

MEMBERS = {
    "random-labels": {
        "skips": {"test_loss_is_a_mean_over_examples": "its loss draws labels at each call"}
    }
}

for _entry in registry().entries("methods"):
    if _entry.plugin.builtin:
        _name = "Test" + "".join(part.capitalize() for part in _entry.name.split("-"))
        _members = {"plugin": registry().get("methods", _entry.name)}
        _members |= MEMBERS.get(_entry.name, {})
        globals()[_name] = type(_name, (MethodConformance,), _members)
