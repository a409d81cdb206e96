"""The package as pip installs it: what a type checker sees, and that the wheel is whole."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def _run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MYPYPATH")}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=inherited | more,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# The build backend is the one installed here; a new environment itself stays empty.
BACKEND = os.pathsep.join(path for path in sys.path if path)


def _environment(folder: Path, *what: str | Path) -> Path:
    """The Python of a new environment in which pip has installed something, and nothing else."""
    python = folder / "venv" / "bin" / "python"
    made = _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stderr
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--ignore-installed")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    installed = _run(*(*pip, "install", *options, *what), cwd=folder, PYTHONPATH=BACKEND)
    assert installed.returncode == 0, installed.stderr
    return python


@pytest.mark.slow
def test_a_type_checker_sees_the_types_of_an_editable_install(tmp_path: Path):
    python = _environment(tmp_path, "--editable", REPOSITORY)
    (tmp_path / "project.py").write_text(
        "from unharness import LossMethod, run\n\n"
        "record = run(method='memflex')\n"
        "wrong: int = record.run_id\n"
    )
    checked = _run(
        *(sys.executable, "-m", "mypy", "--python-executable", python, "--no-incremental"),
        *("--config-file", os.devnull, "project.py"),
        cwd=tmp_path,
    )
    lines = checked.stdout.splitlines()
    assert len(lines) == 2, checked.stdout
    assert 'expression has type "str", variable has type "int"' in lines[0]


@pytest.mark.slow
def test_the_wheel_runs_outside_of_the_checkout(tmp_path: Path):
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "dist")
    built = _run(*build, REPOSITORY, cwd=tmp_path)  # the sdist, and the wheel from that
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,), (source,) = (list((tmp_path / "dist").glob(f"*.{end}")) for end in ("whl", "tar.gz"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        *("unharness", "unharness_attacks", "unharness_methods", "unharness_metrics"),
        "unharness_tasks",
    }
    assert "unharness/py.typed" in names
    with tarfile.open(source) as archive:
        assert any(name.endswith("/pyproject.toml") for name in archive.getnames())

    python = _environment(tmp_path, wheel)
    # What it needs is installed here; without .pth files, so that no checkout is on the path.
    (own,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (own / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (tmp_path / "elsewhere").mkdir()
    words = ("run", "--method", "gradient-ascent", "--model", "micro", "--data", "standin")
    ran = _run(
        *(python.parent / "unharness", *words, "--limit-train", "6", "--format", "json"),
        cwd=tmp_path / "elsewhere",
        UNHARNESS_CACHE=str(tmp_path / "cache"),
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["status"] == "done"
    where = _run(python, "-c", "import unharness; print(unharness.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(tmp_path / "venv"))
