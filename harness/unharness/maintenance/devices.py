"""Checks of GPUs and of the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import psutil

from unharness.maintenance.doctor import Finding, Surroundings
from unharness.pipeline.device import computes_in_bf16

ASK_S = 8.0
GB = 1e9
SMALL_MEMORY_GB = 4.0


def gpus(surroundings: Surroundings) -> Iterator[Finding]:
    """Compare the GPUs that the driver knows with those that torch can use."""
    known = driver_gpus()
    torch = surroundings.imported().get("torch")
    if torch is None or torch.error:
        yield Finding("warning", "torch cannot be asked for GPUs: it cannot be imported")
        return
    devices = torch.facts.get("devices", [])
    for at, device in enumerate(devices):
        bf16 = "bf16" if device["bf16"] else "no bf16 of its own"
        yield Finding(
            "ok",
            f"cuda:{at}: {device['name']}, {device['bytes'] / GB:.0f} GB, "
            f"{device['free'] / GB:.0f} GB free, {bf16}",
        )
    if devices:
        return
    built = torch.facts.get("cuda") or torch.facts.get("hip")
    if known and not built:
        yield Finding(
            "warning",
            f"{', '.join(known)} is here, and torch {torch.facts.get('version')} is built for CPUs",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128",
        )
    elif known and os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        yield Finding(
            "warning",
            "CUDA_VISIBLE_DEVICES is empty and hides the GPUs",
            "unset CUDA_VISIBLE_DEVICES",
        )
    elif known:
        yield Finding(
            "error",
            f"{', '.join(known)} is here, and torch, built for CUDA {built}, cannot use it: the "
            "driver may be too old",
            "nvidia-smi",
        )
    else:
        yield Finding("ok", "no GPU; runs use the CPU")


def driver_gpus() -> list[str]:
    """Return the names of the GPUs that NVIDIA's driver knows; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--query-gpu=name", "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] * (
        done.returncode == 0
    )


def cpu(surroundings: Surroundings) -> Iterator[Finding]:
    """Look at cores, memory and bf16."""
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory()
    native = computes_in_bf16("cpu")
    bf16 = "bf16 of its own" if native else "no bf16 of its own: training is in float32"
    text = f"{cores} cores, {memory.total / GB:.0f} GB, {memory.available / GB:.0f} GB free; {bf16}"
    yield Finding("ok", text)
    if memory.available < SMALL_MEMORY_GB * GB:
        yield Finding(
            "warning",
            f"under {SMALL_MEMORY_GB:g} GB of memory are free",
            "unharness sweep --workers 1",
        )
