"""Commands that plugins add: listed without an import, and a failing one costs only itself."""

import sys
import types

import click
import pytest
from click.testing import CliRunner

from unharness import Ref
from unharness.cli.main import LazyGroup
from unharness.errors import PluginError

MODULE = "unharness_test_commands"


@pytest.fixture
def group(monkeypatch):
    module = types.ModuleType(MODULE)
    module.greet = click.command("greet")(lambda: click.echo("hello"))
    monkeypatch.setitem(sys.modules, MODULE, module)
    made = LazyGroup("test")
    made._load_plugin_commands()
    return made


def test_a_lazy_command_is_listed_and_runs(group):
    group.add_lazy(Ref(f"{MODULE}:greet", "greet", "Say hello."))
    listed = CliRunner().invoke(group, ["--help"])
    assert "greet        Say hello." in listed.output
    assert CliRunner().invoke(group, ["greet"]).output == "hello\n"


def test_a_command_that_cannot_be_loaded_is_listed_and_named(group):
    group.add_lazy(Ref("no_such_module:command", "gone", "Is not there."))
    assert "Is not there." in CliRunner().invoke(group, ["--help"]).output
    found = CliRunner().invoke(group, ["gone"])
    assert isinstance(found.exception, PluginError)
    assert "'gone' (no_such_module:command) cannot be loaded" in str(found.exception)


@pytest.mark.parametrize("name", ["run", "paper"])
def test_a_name_that_is_taken_is_refused(group, name):
    with pytest.raises(PluginError, match=f"'{name}' already exists"):
        group.add_lazy(Ref(f"{MODULE}:greet", name, "Say hello."))


@pytest.mark.parametrize("arguments", [["--help"], ["paper", "--help"]])
def test_help_imports_nothing_heavy(arguments, spawn, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = spawn(*arguments)
    assert done.returncode == 0
    assert "paper" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"torch", "transformers", "numpy", "datasets", "rich"}
    if arguments == ["--help"]:
        assert not imported & {"pydantic", "unharness_tasks.knowundo.paper_command"}
