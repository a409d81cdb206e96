"""The probes are written with public names alone."""

import ast
from pathlib import Path

import pytest

MODULES = sorted(Path(__file__).parent.glob("*_probe*.py"))
PROBES = [path for path in MODULES if not path.name.startswith("test_")]


def test_there_are_probes():
    assert len(PROBES) >= 7


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_in_public_names_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        assert not any(name.startswith(("unharness.", "unharness_")) for name in names)
