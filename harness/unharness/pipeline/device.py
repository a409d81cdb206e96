"""Where models are, and in what precision."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

from unharness.errors import UsageError

DRIVER_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
"""What the drivers of NVIDIA (Jetson and WSL included) and AMD leave; without one, no GPU."""


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


def weights_dtype(device: str, tuning: str, target_tuning: str) -> str:
    """Return the type of the base weights.

    Under an adapter on a GPU they are bfloat16 (the adapter stays float32); weights that are
    tuned themselves stay float32, as a step of a small learning rate is lost in bfloat16.
    """
    if device == "cpu" or "full" in (tuning, target_tuning):
        return "float32"
    return "bfloat16"


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
