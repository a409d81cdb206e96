"""How long the command line takes to start: wall seconds of whole processes.

    python benchmarks/startup.py [--runs 15]

Quiet machine, 2 cores: `unharness --help` is to take at most 0.15 s, `unharness methods` 0.30 s.
Modules are compiled once, as after an installation; `--compile` compiles them in every process, as
a source tree with PYTHONDONTWRITEBYTECODE does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

COMMANDS: dict[str, list[str]] = {
    "python": ["-c", "pass"],
    "unharness --help": ["-m", "unharness.cli.main", "--help"],
    "unharness methods": ["-m", "unharness.cli.main", "methods"],
    "unharness methods show memflex": ["-m", "unharness.cli.main", "methods", "show", "memflex"],
    "unharness run --help": ["-m", "unharness.cli.main", "run", "--help"],
}


def seconds(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Return how long one process takes."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - begun


def environment(compiled: str) -> dict[str, str]:
    """Return an environment in which modules are compiled into that folder."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PYTHONPYCACHEPREFIX": compiled}


def main() -> None:
    """Run the commands in turn, so that all of them see the same machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as compiled:
        values = environment(compiled)
        if options.compile:
            values = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        for arguments in COMMANDS.values():  # what only the first process does
            seconds(arguments, values)
        rounds = [[seconds(one, values) for one in COMMANDS.values()] for _ in range(options.runs)]
    print(f"{'':32}{'min':>8}{'median':>8}")
    for name, times in zip(COMMANDS, zip(*rounds, strict=True), strict=True):
        print(f"{name:32}{min(times):8.3f}{statistics.median(times):8.3f}")


if __name__ == "__main__":
    main()
