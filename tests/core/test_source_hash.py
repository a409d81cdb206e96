"""A method's identity follows its code, not its comments."""

import importlib
import sys
from pathlib import Path

import pytest

from unharness.source_hash import source_hash

MODULE = '''
"""A docstring."""
from {package}.helper import factor
import json

class Method:
    """Says something."""
    name = "m"
    """Says more."""

    def loss(self):
        # a comment
        return {loss}
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """package(loss="1.0", helper="factor = 2") -> the hash of its method class."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    count = 0

    def make(loss: str = "1.0", helper: str = "factor = 2", text: str = MODULE) -> str:
        nonlocal count
        count += 1
        name = "plugin_under_test"
        for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[loaded]
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("")
        (folder / "helper.py").write_text(helper)
        (folder / "unrelated.py").write_text(f"x = {count}")
        (folder / "method.py").write_text(text.format(package=name, loss=loss))
        importlib.invalidate_caches()
        from unharness import source_hash as module

        module._module_hash.cache_clear()
        return source_hash(importlib.import_module(f"{name}.method").Method)

    return make


def test_an_edited_loss_is_another_method(package):
    assert package(loss="1.0") != package(loss="1.5")


def test_an_edited_helper_counts_too(package):
    assert package() != package(helper="factor = 3")


def test_comments_docstrings_and_layout_do_not_count(package):
    edited = MODULE.replace("# a comment", "# another\n").replace("Says something", "Said")
    edited = edited.replace("Says more", "Said more").replace("A docstring", "Another")
    assert package() == package(text=edited)


def test_built_ins_have_hashes_of_their_own():
    from unharness.registry import registry

    names = registry().names("methods")
    hashes = {name: source_hash(registry().get("methods", name)) for name in names}
    assert all(len(value) == 16 for value in hashes.values())
    assert hashes["kl"] != hashes["gradient-ascent"]


def test_what_only_describes_the_method_does_not_count(package):
    described = (
        MODULE
        + """
    def gradients_before_training(self):
        return 2, 8

    def streams_by_term(self):
        return [["retain"]]
"""
    )
    assert package(text=described) == package()


def test_what_explains_a_metric_does_not_count(package):
    described = MODULE.replace(
        '    name = "m"',
        '    name = "m"\n    formula = "x"\n    good: str = "y"\n    traps = ("z", "w")',
    )
    assert package(text=described) == package()


def test_family_and_evidence_do_not_count_but_their_names_elsewhere_do(package):
    described = MODULE.replace(
        '    name = "m"',
        '    name = "m"\n    family = "x"\n    evidence: tuple = (("oracle", "there"),)',
    )
    assert package(text=described) == package()
    used = MODULE.replace('    name = "m"', '    name = family = "m"')
    assert package(text=used) != package()
    assert package(text='family = "x"\n' + MODULE) != package()


def test_proposed_hyperparameters_do_not_count_as_records_hold_those_that_were_used(package):
    proposed = MODULE.replace(
        '    name = "m"',
        '    name = "m"\n    defaults = dict(tiny=dict(lr=0.5))\n    presets: tuple = (factor,)',
    )
    assert package(text=proposed) == package()
