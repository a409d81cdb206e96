"""Our wheel and the example plugin, installed by pip in an environment of their own."""

import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from unharness.records.store import read_records

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "unharness-example-method"
PACKAGE = "unharness_example_method"

pytestmark = pytest.mark.slow


def _run(command: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=cwd,  # not the repository: what is found must be found as installed
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    _run([*command, str(REPOSITORY)], folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Path:
    """The Python of a fresh environment that has our wheel and the example.

    What they need is that of this environment, without its .pth files: no checkout is on the path.
    """
    home = tmp_path_factory.mktemp("third-party")
    _run([sys.executable, "-m", "venv", "--without-pip", str(home / "venv")], home)
    inner = home / "venv" / "bin" / "python"
    own = _run([str(inner), "-c", "import site; print(site.getsitepackages()[0])"], home)
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(own.stdout.strip()) / "outer.pth").write_text("\n".join(sorted(here)) + "\n")
    # A copy, so that neither build/ nor *.egg-info lands in the repository.
    source = shutil.copytree(EXAMPLE, home / EXAMPLE.name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    options += ["--quiet", "--ignore-installed"]
    (wheel,) = built.glob("*.whl")
    _run([str(inner), "-m", "pip", "install", *options, str(wheel), str(source)], home)
    return inner


def _unharness(python: Path, cwd: Path, *words: str, **more: str) -> Any:
    command = [str(python), "-m", "unharness.cli.main", *words, "--format", "json"]
    return json.loads(_run(command, cwd, **more).stdout)


def _strings(value: Any) -> list[str]:
    """Every string in a JSON value: what is listed must be there, however it is laid out."""
    if isinstance(value, dict):
        return [text for item in value.items() for text in _strings(list(item))]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


def _rows(value: Any, text: str) -> list[dict[str, Any]]:
    """The innermost objects that hold a string of exactly that text."""
    if isinstance(value, list):
        return [row for item in value for row in _rows(item, text)]
    if isinstance(value, dict):
        return [row for item in value.values() for row in _rows(item, text)] or (
            [value] if text in _strings(value) else []
        )
    return []


def test_the_wheel_has_the_packages_and_their_types(built: Path):
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        *("unharness", "unharness_attacks", "unharness_methods", "unharness_metrics"),
        "unharness_tasks",
    }
    assert "unharness/py.typed" in names
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= inside


def test_unharness_is_the_wheel_not_the_checkout(python: Path, tmp_path: Path):
    found = _run([str(python), "-c", "import unharness; print(unharness.__file__)"], tmp_path)
    assert Path(found.stdout.strip()).is_relative_to(python.parents[1])
    assert (python.parent / "unharness").is_file()


def test_it_is_installed_there_and_not_here(python: Path, tmp_path: Path):
    found = _run([str(python), "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)"], tmp_path)
    assert Path(found.stdout.strip()).is_relative_to(python.parents[1])
    assert subprocess.run([sys.executable, "-c", f"import {PACKAGE}"], cwd=tmp_path).returncode
    assert not (EXAMPLE / "build").exists()
    assert not list(EXAMPLE.glob("*.egg-info"))


def test_it_is_listed_with_its_distribution(python: Path, tmp_path: Path):
    methods = _unharness(python, tmp_path, "methods")
    (row,) = _rows(methods, "clipped-ascent")
    assert "Gradient ascent that stops at answers that are unlikely enough." in _strings(row)
    assert _rows(methods, "memflex")
    (plugin,) = _rows(_unharness(python, tmp_path, "plugins"), "clipped")
    assert "unharness-example-method" in _strings(plugin)
    assert "0.1.0" in _strings(plugin)
    assert "clipped-ascent" in " ".join(_strings(plugin))


def test_a_new_method_works_with_no_further_edit(python: Path, tmp_path: Path, data_folder: Path):
    _run([str(python), "-m", "unharness.cli.main", "new", "method", "my-own"], tmp_path)
    folder = tmp_path / "my-own"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    _run([str(python), "-m", "pip", "install", "-q", *options, "-e", str(folder)], tmp_path)
    tested = _run([str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider"], folder)
    assert " passed" in tested.stdout
    assert "failed" not in tested.stdout
    words = ["--method", "my-own", "--model", "micro", "--limit-train", "8", "--set", "ceiling=3"]
    place = ["--data", str(data_folder), "--results", str(tmp_path / "results"), "--quiet"]
    shown = _unharness(python, tmp_path, "run", *words, *place)
    assert "done" in _strings(shown)
    (path,) = (tmp_path / "results").glob("*/*/my-own/*/run.json")
    assert read_records(path)[0].spec.config["ceiling"] == 3


def test_it_can_be_left_out(python: Path, tmp_path: Path):
    methods = _unharness(python, tmp_path, "methods", UNHARNESS_PLUGINS_ALLOW="")
    assert not _rows(methods, "clipped-ascent")
    assert _rows(methods, "memflex")


def test_a_run_of_it_leaves_a_record(python: Path, tmp_path: Path, data_folder: Path):
    options = {
        "--method": "clipped-ascent",
        "--model": "micro",
        "--limit-train": "8",
        "--epochs": "1",
        "--batch-size": "8",
        "--set": "ceiling=9",
        "--data": str(data_folder),
        "--results": str(tmp_path / "results"),
    }
    words = [word for pair in options.items() for word in pair]
    shown = _unharness(python, tmp_path, "run", *words, "--quiet")
    (path,) = (tmp_path / "results").glob("*/*/clipped-ascent/*/run.json")
    record = read_records(path)[0].model_dump(mode="json")
    assert record["status"] == "done"
    assert record["partial"] is True
    assert record["run_id"] in _strings(shown)
    assert record["spec"]["config"]["ceiling"] == 9
    distributions = [plugin["distribution"] for plugin in record["provenance"]["plugins"]]
    assert "unharness-example-method" in distributions
    # 8 examples fit one step. A target of so few may know nothing yet: ln(vocabulary) is below 9.
    (loss,) = record["training"]["losses"]
    assert -9 < loss < 0
    assert math.isfinite(record["metrics"]["success_avg"]["value"])
    assert record["training"]["weights_hash"] != record["target"]["weights_hash"]
