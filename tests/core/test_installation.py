"""The package as pip installs it: what a type checker of a user's project sees."""

import os
import subprocess
import sys
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


@pytest.mark.slow
def test_a_type_checker_sees_the_types_of_an_editable_install(tmp_path: Path):
    python = tmp_path / "venv" / "bin" / "python"
    made = _run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--ignore-installed")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    # The build backend is the one installed here; the new environment itself stays empty.
    backend = os.pathsep.join(path for path in sys.path if path)
    installed = _run(
        *(*pip, "install", *options, "--editable", REPOSITORY), cwd=tmp_path, PYTHONPATH=backend
    )
    assert installed.returncode == 0, installed.stderr
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
