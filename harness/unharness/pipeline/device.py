"""Where models are, and in what precision."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import cast

from unharness.data.recipe import Precision
from unharness.errors import UsageError
from unharness.models.trained import TrainingPlace

DRIVER_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
"""What the drivers of NVIDIA (Jetson and WSL included) and AMD leave; without one, no GPU."""

AUTO = "auto"
CPU_FACTS = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Of x86 and of ARM."""


def find_device(requested: str) -> str:
    """Return `cpu` or a CUDA device.

    Raises:
        UsageError: no such device, or none here.
    """
    if requested == "cpu" or (requested == "auto" and _surely_cpu()):
        return "cpu"
    import torch

    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(requested)
    except RuntimeError:
        raise UsageError(
            f"unknown device {requested!r}; allowed: auto, cpu, cuda, cuda:N"
        ) from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {requested!r} is not supported; allowed: auto, cpu, cuda, cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {requested!r}: no CUDA here; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {requested!r}: there are {torch.cuda.device_count()} GPUs")
    return requested


def weights_dtype(precision: Precision, tuning: str, target_tuning: str) -> str:
    """Return the type of the base weights.

    Weights that are tuned themselves are float32, as a step of a small learning rate is lost in
    bfloat16. Under an adapter, which stays float32, they are what training computes in.
    """
    return "float32" if "full" in (tuning, target_tuning) else precision


def choose_precision(requested: str, device: str, own: Precision | None) -> Precision:
    """Return the precision in which a model is trained.

    Args:
        requested: `float32`, `bfloat16`, or `auto`: the model's own, else bfloat16 where the
            device computes in it.
        device: as `find_device` gives it.
        own: what the model wants, None where it does not care.
    """
    if requested != AUTO:
        return cast(Precision, requested)
    if own:
        return own
    return "bfloat16" if computes_in_bf16(device) else "float32"


def slow_precision_note(place: TrainingPlace) -> str:
    """Return a warning where the device cannot do by itself what training asks; else nothing."""
    if place.precision == "float32" or computes_in_bf16(place.device):
        return ""
    return (
        f"this {'CPU' if place.device == 'cpu' else 'GPU'} does not compute in bfloat16 by itself: "
        "training will be slower than with --precision float32"
    )


def computes_in_bf16(device: str) -> bool:
    """Return whether a device multiplies in bfloat16 by itself.

    A CPU is asked through Linux's `/proc`, as torch has no public word for it: elsewhere, False.
    """
    if device != "cpu":
        import torch

        with torch.cuda.device(device):  # older GPUs emulate it, and are slow at that
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        facts = CPU_FACTS.read_text()
    except OSError:
        return False
    return any(
        not BF16_FLAGS.isdisjoint(line.partition(":")[2].split())
        for line in facts.splitlines()
        if line.lower().startswith(("flags", "features"))
    )


def _surely_cpu() -> bool:
    """Return whether torch would see no GPU, told without its import, which takes seconds."""
    if "torch" in sys.modules:
        return False  # it answers for itself
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "" or not any(
        Path(name).exists() for name in DRIVER_FILES
    ):
        return True
    try:
        return metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False
