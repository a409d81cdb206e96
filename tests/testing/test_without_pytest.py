"""pytest is no dependency: where it is missing, the suites say how to get it."""

import importlib
import sys

import pytest


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    for name in [one for one in sys.modules if one.startswith("unharness.testing")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"pip install 'unharness\[testing\]'"):
        importlib.import_module("unharness.testing")
