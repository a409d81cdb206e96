"""Libraries that are hidden from what is imported in a block."""

import importlib
import importlib.util
import sys

import pytest

from unharness.hidden_library import hidden


@pytest.fixture
def optional(tmp_path, monkeypatch):
    """Two modules: `ballast`, and `ship`, which imports it if it can."""
    (tmp_path / "ballast.py").write_text("")
    (tmp_path / "ship.py").write_text(
        "try:\n    import ballast\nexcept ImportError:\n    ballast = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("ballast", "ship"):
        sys.modules.pop(name, None)


def test_what_is_imported_in_the_block_goes_without_and_what_follows_does_not(optional):
    with hidden("ballast"):
        ship = importlib.import_module("ship")
        assert importlib.util.find_spec("ballast") is None
    assert ship.ballast is None
    assert importlib.import_module("ballast") is sys.modules["ballast"]


def test_what_is_there_already_is_not_hidden(optional):
    ballast = importlib.import_module("ballast")
    with hidden("ballast"):
        ship = importlib.import_module("ship")
    assert ship.ballast is ballast


def test_it_is_there_again_after_an_error(optional):
    with pytest.raises(ModuleNotFoundError, match="ballast"), hidden("ballast"):
        importlib.import_module("ballast")
    assert importlib.util.find_spec("ballast")
