"""Measures a case in a separate process, so that its peak memory and first uses are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any


def in_own_process(script: str, words: Iterable[str]) -> dict[str, Any]:
    """Run a benchmark's script with arguments, and return the JSON object of its last line."""
    command = [sys.executable, script, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
