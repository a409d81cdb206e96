"""`unharness new`: what it writes works at once, and passes its own tests."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from unharness.plugin_files import FILES_VARIABLE
from unharness.registry import load_registry
from unharness.scaffold.project import KINDS
from unharness.testing import Conformance


@pytest.fixture
def write(main_here, tmp_path, monkeypatch):
    """write("method", "my-own") -> the folder that was written, its module importable."""

    def make(kind: str, name: str) -> Path:
        code, out, err = main_here("new", kind, name, "--into", tmp_path)
        assert code == 0, err
        folder = tmp_path / name
        assert [line for line in out.splitlines() if line.startswith(str(folder))]
        monkeypatch.syspath_prepend(str(folder / "src"))
        return folder

    before = set(sys.modules)
    yield make
    for module in set(sys.modules) - before:
        if module.startswith(("unharness_my_", "test_my_")):
            del sys.modules[module]


def imported(path: Path):
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_own_tests(kind, write, failed_checks):
    folder = write(kind, f"my-{kind}")
    tests = imported(folder / "tests" / f"test_my_{kind}.py")
    suites = [one for name, one in vars(tests).items() if name.startswith("Test")]
    assert suites
    for suite in suites:
        assert issubclass(suite, Conformance)
        assert failed_checks(suite) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_its_files_are_what_pip_and_unharness_read(kind, write, monkeypatch):
    folder = write(kind, f"my-{kind}")
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    module = project["project"]["entry-points"]["unharness"][f"my-{kind}"]
    source = folder / "src" / f"{module}.py"
    monkeypatch.setenv(FILES_VARIABLE, str(source))
    [plugin] = [one for one in load_registry().plugins if one.module == str(source)]
    assert plugin.errors == []
    assert f"my-{kind}" in plugin.provides[f"{kind}s"]
    steps = yaml.safe_load((folder / ".github" / "workflows" / "tests.yml").read_text())
    assert steps["jobs"]["tests"]["steps"][-1] == {"run": "pytest"}
    assert f"unharness {kind}s show my-{kind}" in (folder / "README.md").read_text()
    for path in folder.rglob("*.*"):
        assert not path.is_file() or "<<" not in path.read_text()


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("method", "My-Own", "is no name for a method"),
        ("method", "../up", "is no name for a method"),
        ("method", "-x", "No such option"),
        ("method", "a" * 41, "at most 40"),
        ("metric", "1st", "is no name for a metric"),
        ("method", "npo", "has this name; choose another one"),
        ("task", "methods", "there is a package unharness_methods already"),
        ("observer", "none", "is a word of Python"),
        ("planet", "mars", "'planet' is not one of"),
    ],
)
def test_names_that_cannot_be(kind, name, message, main_here, tmp_path):
    code, _, err = main_here("new", kind, name, "--into", tmp_path)
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(main_here, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("")
    for words in (("mine", "--into", tmp_path), ("other", "--into", tmp_path / "file")):
        code, _, err = main_here("new", "method", *words)
        assert code == 2
        assert "is there already" in err or "is a file" in err
    assert not list((tmp_path / "mine").iterdir())
