"""Plugins say which method makes which reference row."""

import pytest

from unharness.errors import PluginError
from unharness.reference_rows import REFERENCE_ROWS, method_of, row_of
from unharness.registry import load_registry, registry


@pytest.mark.parametrize("row", REFERENCE_ROWS)
def test_every_row_has_a_method_that_makes_it(row):
    found = registry()
    assert method_of(row, found) in found.names("methods")
    assert row_of(method_of(row, found), found) == row


def test_other_methods_make_none():
    assert row_of("gradient-ascent", registry()) is None
    assert row_of("unheard-of", registry()) is None


def test_without_plugins_the_error_names_row_and_hook():
    with pytest.raises(PluginError, match="'retrained'.*unharness_reference_rows"):
        method_of("retrained", load_registry([]))
