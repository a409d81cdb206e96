"""Importing libraries in a process of its own: one that crashes or hangs takes nothing with it.

`python -m unharness.maintenance.imports NAME…` imports each and prints a line of JSON before and
after it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from signal import Signals
from typing import Any

from unharness.errors import reason_of

LIBRARIES = ("torch", "transformers", "datasets")
"""What is imported always: a few seconds."""
ALL_LIBRARIES = (*LIBRARIES, "transformers.modeling_utils", "peft", "accelerate", "lm_eval")
"""All that a run imports, models' code too: as many seconds again, and more."""
LIMIT_S = 60.0
_MARK = "unharness-import "


@dataclass(frozen=True)
class Imported:
    """What came of importing a library."""

    name: str
    error: str = ""
    """Why it cannot be imported; empty if it can."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of torch: its version, CUDA version and devices."""


def import_libraries(names: Sequence[str], limit_s: float = LIMIT_S) -> dict[str, Imported]:
    """Return what came of importing each library, by name.

    Where one ends the process, the others are imported in a further one.

    Args:
        names: of modules.
        limit_s: for all that are imported in one process.
    """
    found: dict[str, Imported] = {}
    left = list(names)
    while left:
        output, end = _child(left, limit_s)
        begun = None
        for line in output.splitlines():
            if line.startswith(_MARK):
                event = json.loads(line.removeprefix(_MARK))
                begun = event["name"]
                if "error" in event:
                    found[begun] = Imported(begun, event["error"], event.get("facts", {}))
                    begun = None
        if begun is None and left[0] not in found:  # not even begun
            begun = left[0]
        if begun is not None:
            found[begun] = Imported(begun, end)
        left = [name for name in left if name not in found]
    return found


def _child(names: Sequence[str], limit_s: float) -> tuple[str, str]:
    """Return what the child printed, and how it ended, in words."""
    command = [sys.executable, "-m", __name__, *names]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace"), f"takes longer than {limit_s:g} s"
    output = done.stdout.decode(errors="replace")
    if done.returncode < 0:
        return output, f"ends the process by {Signals(-done.returncode).name}"
    return output, f"ends the process with exit code {done.returncode}"


def main(names: Sequence[str]) -> None:
    """Import modules by name, and print what came of each."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere

    def tell(**event: Any) -> None:
        channel.write(_MARK + json.dumps(event) + "\n")
        channel.flush()

    for name in names:
        tell(name=name)
        began, facts, problem = time.monotonic(), {}, ""
        try:
            importlib.import_module(name)
            facts = _torch_facts() if name == "torch" else {}
        except (Exception, SystemExit) as error:
            problem = reason_of(error)
        tell(name=name, error=problem, facts=facts | {"seconds": time.monotonic() - began})


def _torch_facts() -> dict[str, Any]:
    """Return torch's version, the CUDA version that it was built for, and the GPUs it can use."""
    import torch

    from unharness.pipeline.device import computes_in_bf16

    version: Any = torch.version
    facts: dict[str, Any] = {
        "version": str(torch.__version__),
        "cuda": version.cuda,
        "hip": getattr(version, "hip", None),
        "devices": [],
    }
    if torch.cuda.is_available():
        for at in range(torch.cuda.device_count()):
            device: Any = torch.cuda.get_device_properties(at)
            free, total = torch.cuda.mem_get_info(at)
            bf16 = computes_in_bf16(f"cuda:{at}")
            facts["devices"].append(
                {"name": device.name, "bytes": total, "free": free, "bf16": bf16}
            )
    return facts


if __name__ == "__main__":
    main(sys.argv[1:])
