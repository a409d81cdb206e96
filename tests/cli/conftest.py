"""Records to compare, and the command line in this process and in another."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_builder = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))
make_record, store, save = (_builder[name] for name in ("make_record", "store", "save"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """call("methods", "show", …) -> exit code, stdout, stderr; in this process."""
    from unharness.cli.main import main

    def run(*arguments: Any) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return stop.value.code, out, err

    return run


@pytest.fixture
def spawn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """spawn("methods", …) -> the finished process of a command line of its own."""

    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "unharness.cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run
