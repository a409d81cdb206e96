"""What a run was made with: versions, commit, plugins, hardware."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import unharness
from unharness.registry import OWN_DISTRIBUTION, Registry
from unharness.training import ranks

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "datasets",
    "rouge-score",
    "pydantic",
    "pluggy",
)


def provenance(registry: Registry, device: str) -> dict[str, Any]:
    """Return JSON values that say what the numbers of a run rest on."""
    return {
        "unharness": {"version": unharness.__version__} | source_state(),
        "plugins": [
            {"name": info.name, "distribution": info.distribution, "version": info.version}
            for info in registry.plugins
            if not info.errors
        ],
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": _hardware(device),
    }


def source_state() -> dict[str, Any]:
    """Return commit and dirty flag of the checkout unharness runs from, or of its installation."""
    folder = Path(unharness.__file__).resolve().parent
    if (folder.parents[1] / "pyproject.toml").is_file():
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
            return {"commit": commit, "dirty": bool(changed)}
    try:
        # PEP 610: pip writes the commit of what it installed from git.
        text = metadata.distribution(OWN_DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    installed = json.loads(text).get("vcs_info", {}).get("commit_id") if text else None
    return {"commit": installed, "dirty": None}


def _git(folder: Path, *arguments: str) -> str:
    # Without the index lock that `status` takes: a killed run would leave it to the user.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def _version(name: str) -> str | None:  # 10 ms each, and a process has one of each
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _hardware(device: str) -> dict[str, Any]:
    import torch

    facts: dict[str, Any] = {
        "device": device,
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": ranks.world_size(),
        "sharded": ranks.is_sharded(),
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        facts |= {"gpu": properties.name, "gpu_memory_gb": properties.total_memory / 1e9}
        facts |= {"cuda": torch.version.cuda, "gpus": torch.cuda.device_count()}
    return facts


def _cpu_name() -> str:
    # Our own, as psutil has no name of the processor, and platform.processor() is empty on Linux.
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
