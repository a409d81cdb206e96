"""Plugins that are single files: named by the user, identified by their source."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unharness.errors import UnknownNameError
from unharness.plugin_files import FILES_VARIABLE
from unharness.registry import load_registry, registry

METHOD = '''
from unharness import LossMethod, hookimpl, sequence_nll


class Mine(LossMethod):
    """Ascent."""

    name = "{name}"
    summary = "Ascent, times a factor."

    def loss(self, model, batch):
        return -{factor} * sequence_nll(model, batch["forget"]).mean()


@hookimpl
def unharness_methods():
    return [Mine]
'''


@pytest.fixture(autouse=True)
def _no_cache():
    from unharness import source_hash

    yield
    registry.cache_clear()
    source_hash._module_hash.cache_clear()


@pytest.fixture
def write(tmp_path: Path):
    """write("mine.py", factor="1.0") -> the file of a plugin with one method."""

    def make(place: str = "mine.py", *, factor: str = "1.0", name: str = "mine") -> Path:
        from unharness import source_hash

        source_hash._module_hash.cache_clear()  # a new process begins without
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(METHOD.format(factor=factor, name=name))
        return path

    return make


def test_a_file_is_a_plugin_of_the_commands(write, main_here):
    path = write()
    code, out, _ = main_here("methods", "--plugin", path, "--format", "json")
    assert code == 0
    [row] = [one for one in json.loads(out) if one["name"] == "mine"]
    assert row["plugin"].startswith("mine.py ")
    code, out, _ = main_here("methods", "show", "mine", "--plugin", path)
    assert code == 0
    assert "Ascent, times a factor." in out
    code, out, _ = main_here("plugins", "--plugin", path, "--format", "json")
    [shown] = [one for one in json.loads(out) if one["module"] == str(path)]
    assert (shown["status"], shown["provides"]) == ("ok", {"methods": ["mine"]})


def test_it_is_a_plugin_for_one_command_alone(write, main_here):
    main_here("methods", "--plugin", write())
    code, _, err = main_here("methods", "show", "mine")
    assert code == 2
    assert "mine" in err


def test_the_source_is_in_the_identity_and_the_folder_is_not(write, main_here):
    def run_id(path: Path) -> str:
        words = ("--method", "mine", "--model", "micro", "--data", "standin", "--dry-run", "-q")
        code, out, err = main_here("run", "--plugin", path, *words)
        assert code == 0, err
        spec = json.loads(out)
        assert len(spec["method_source"]) == 16
        return str(spec["run_id"])

    first = run_id(write())
    assert run_id(write("elsewhere/mine.py")) == first
    assert run_id(write(factor="2.0")) != first


def test_several_files_and_the_variable_add_up(write, monkeypatch):
    one, two = write("one.py", name="one"), write("two.py", name="two")
    monkeypatch.setenv(FILES_VARIABLE, os.pathsep.join(["", str(one), str(two), str(one)]))
    found = load_registry()
    assert {"one", "two"} <= set(found.names("methods"))
    assert [plugin.name for plugin in found.plugins][-2:] == ["one", "two"]


def test_a_file_that_fails_costs_only_itself_and_is_named(write, tmp_path, main_here):
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not today')\n")
    code, out, err = main_here(
        "methods", "--plugin", broken, "--plugin", write(), "--format", "json"
    )
    assert code == 0
    assert f"warning: plugin {broken} failed: RuntimeError: not today" in err
    assert "mine" in [row["name"] for row in json.loads(out)]
    code, _, err = main_here("plugins", "--plugin", tmp_path / "none.py")
    assert code == 2
    assert "none.py" in err


def test_files_of_one_name_and_files_that_are_gone_are_failures_of_their_own(
    write, tmp_path, monkeypatch
):
    first, second = write(), write("other/mine.py", name="second")
    gone = tmp_path / "gone.py"
    monkeypatch.setenv(FILES_VARIABLE, os.pathsep.join(map(str, (gone, first, second))))
    found = load_registry()
    assert "mine" in found.names("methods")
    errors = {plugin.module: plugin.errors for plugin in found.plugins if plugin.errors}
    assert set(errors) == {str(gone), str(second)}
    assert "rename one of the two files" in errors[str(second)][0]
    with pytest.raises(UnknownNameError, match="rename one of the two files"):
        found.entry("methods", "second")


def test_nothing_of_the_current_folder_is_loaded_by_itself(write, monkeypatch):
    monkeypatch.chdir(write().parent)
    assert "mine" not in load_registry().names("methods")


def test_other_processes_see_it_wherever_they_run(write, monkeypatch, tmp_path):
    path = write()
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv(FILES_VARIABLE, "./mine.py")
    assert "mine" in registry().names("methods")
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    command = "from unharness.registry import registry; print(registry().names('methods'))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'mine'" in done.stdout


def test_an_edit_within_the_second_is_seen(write, monkeypatch):
    monkeypatch.setenv(FILES_VARIABLE, str(write()))
    one = load_registry().entry("methods", "mine").plugin.version
    write(factor="2.0")
    again = load_registry().entry("methods", "mine")
    assert again.plugin.version != one
    assert not list(write().parent.glob("**/*.pyc"))


def test_the_list_of_allowed_distributions_does_not_limit_files(write, monkeypatch):
    monkeypatch.setenv("UNHARNESS_PLUGINS_ALLOW", "")
    monkeypatch.setenv(FILES_VARIABLE, str(write()))
    assert "mine" in load_registry().names("methods")
