"""The suite in a clone that has no KnowUnDo data beside it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = ("tests/data/test_sources.py", "tests/data/test_encoding.py")

pytestmark = pytest.mark.slow


@pytest.fixture
def suite(tmp_path):
    """suite(*files, **variables) -> the finished pytest of them, in a clone without data."""
    clone = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "tests", clone / "tests")
    shutil.copy(REPOSITORY / "pyproject.toml", clone)

    def run(*files: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        inherited.pop("UNHARNESS_TEST_DATA", None)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
            cwd=clone,
            env=inherited | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_what_needs_the_real_data_is_skipped_with_one_line(suite, tmp_path):
    done = suite(*FILES)
    assert done.returncode == 0, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "SKIPPED" in line]
    missing = tmp_path / "shared" / "data" / "knowundo" / "privacy"
    assert str(missing) in line
    count = int(re.search(r"\[(\d+)\]", line)[1])
    assert count > 1
    assert re.search(rf"\d\d+ passed, {count} skipped", done.stdout)


def test_where_the_folder_is_named_the_data_is_demanded(suite, tmp_path):
    done = suite(FILES[0], UNHARNESS_TEST_DATA=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "SKIPPED" not in done.stdout
    assert str(tmp_path / "nothing" / "knowundo" / "privacy") in done.stdout
